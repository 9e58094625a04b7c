"""A flood of logins: what it takes of the memory, and of the other requests."""

import asyncio
import json
import statistics
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import count
from typing import Final

from argon2 import PasswordHasher

from bench import page
from bench.cpu_quota import BASELINE_MS, NoQuotaError
from bench.http_load import Connections, times_of
from bench.service_process import HOST, Guest, Server, service

_FLOOD: Final = 50
_OTHERS: Final = 10
_UNLIMITED: Final = {"RATE_LIMIT_RPM": "60000000", "RATE_LIMIT_BURST": "10000000"}
_DEFAULT: Final = PasswordHasher()  # argon2-cffi's: 64 MiB
_SMALL: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)  # OWASP's: 19 MiB


@dataclass(frozen=True, slots=True)
class Window:
    """One measurement."""

    checked: float
    busy: float
    longest: float
    peak_mib: float
    p99_before: float
    p99_during: float


@dataclass(frozen=True, slots=True)
class Case:
    """A machine, and what a check costs there."""

    guest: Guest
    hasher: PasswordHasher

    @property
    def cells(self) -> list[str]:
        """Its name, and the check's."""
        return [self.guest.name, f"{self.hasher.memory_cost // 1_024} MiB"]


_CASES: Final = (
    Case(Guest("256 MB, bursting", 256), _DEFAULT),
    Case(Guest("256 MB, burst used up", 256, BASELINE_MS), _DEFAULT),
    Case(Guest("256 MB, burst used up", 256, BASELINE_MS), _SMALL),
    Case(Guest("512 MB, bursting", 512), _DEFAULT),
    Case(Guest("512 MB, 2 CPUs, burst used up", 512, 2 * BASELINE_MS), _DEFAULT),
)


async def report(seconds: float, rounds: int) -> list[str]:
    """The table, as lines: each case `rounds` times, one after the other."""
    windows: list[list[Window]] = [[] for _ in _CASES]
    async with AsyncExitStack() as stack:
        servers = [await _server(case, stack) for case in _CASES]
        for _ in range(rounds):
            for server, found in zip(servers, windows, strict=True):
                if server is not None:
                    found.append(await _measure(server, seconds))
    rows = [_row(case, found) for case, found in zip(_CASES, windows, strict=True) if found]
    head = ["machine", "a check", "checked/s", "answered 503", "the longest wait"]
    head += ["memory, peak of usable", "others' p99 before", "and during"]
    return [
        "### Logins",
        "",
        f"{_FLOOD} connections log in without a pause, each time as another user, from "
        f"another address. {_OTHERS} connections ask for something else meanwhile.",
        "",
        page.table(head, rows),
        "",
    ]


async def _server(case: Case, stack: AsyncExitStack) -> Server | None:
    """None where the system lets us set no quota."""
    users = json.dumps({"ada@example.org": case.hasher.hash("correct horse")})
    running = service(case.guest, LOGIN_USERS=users, **_UNLIMITED)
    try:
        return await stack.enter_async_context(running)
    except NoQuotaError:
        return None


async def _measure(server: Server, seconds: float) -> Window:
    logins = _logins()
    async with (
        Connections.open(HOST, server.port, _FLOOD) as flood,
        Connections.open(HOST, server.port, _OTHERS) as others,
    ):
        before = times_of(await others.ask_for(seconds / 2))
        server.forget_peak()
        flooding = asyncio.create_task(flood.ask_for(seconds, lambda: next(logins)))
        await asyncio.sleep(0)
        during = times_of(await others.ask_for(seconds))
        answers = await flooding
    statuses = Counter(answer.status for answer in answers)
    longest = max(answer.seconds for answer in answers)
    return Window(
        statuses[401] / max(seconds, longest),
        statuses[503] / len(answers),
        longest,
        server.peak_mib,
        _p99(before),
        _p99(during),
    )


def _row(case: Case, windows: list[Window]) -> list[str]:
    middle = {
        name: statistics.median(getattr(window, name) for window in windows)
        for name in Window.__slots__
    }
    peak = max(window.peak_mib for window in windows)
    return [
        *case.cells,
        f"{middle['checked']:.1f}",
        f"{middle['busy']:.1%}",
        f"{middle['longest']:.1f} s",
        f"{peak:.0f} of {case.guest.usable_mib} MiB",
        f"{middle['p99_before'] * 1000:.0f} ms",
        f"{middle['p99_during'] * 1000:.0f} ms",
    ]


def _logins() -> Iterator[bytes]:
    for number in count():
        body = json.dumps({"username": f"user{number}@example.org", "password": "guess"})
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        head = f"POST /auth/login HTTP/1.1\r\nhost: bench\r\nfly-client-ip: {address}\r\n"
        fields = f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
        yield f"{head}{fields}\r\n{body}".encode()


def _p99(times: list[float]) -> float:
    return statistics.quantiles([*times, times[-1]], n=100)[98]
