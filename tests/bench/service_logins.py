"""A flood of logins: what it takes of the memory, and of the other requests."""

import asyncio
import json
import statistics
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from itertools import count
from typing import Final

from argon2 import PasswordHasher

from tests.bench import page
from tests.bench.cpu_quota import BASELINE_MS, NoQuota
from tests.bench.http_load import Connections, times_of
from tests.bench.service_process import HOST, Guest, Server, service

_GUESTS: Final = (
    Guest("256 MB, bursting", 256),
    Guest("256 MB, burst used up", 256, BASELINE_MS),
    Guest("512 MB, bursting", 512),
    Guest("512 MB, 2 CPUs, burst used up", 512, 2 * BASELINE_MS),
)
_FLOOD: Final = 200
_OTHERS: Final = 10
_UNLIMITED: Final = {"RATE_LIMIT_RPM": "60000000", "RATE_LIMIT_BURST": "10000000"}


async def report(seconds: float) -> list[str]:
    """The table, as lines."""
    users = json.dumps({"ada@example.org": PasswordHasher().hash("correct horse")})
    rows = []
    for guest in _GUESTS:
        async with AsyncExitStack() as stack:
            try:
                running = service(guest, LOGIN_USERS=users, **_UNLIMITED)
                server = await stack.enter_async_context(running)
            except NoQuota:
                continue
            rows.append([guest.name, *await _flood(server, guest, seconds)])
    head = ["machine", "checked/s", "answered 503", "memory, peak of usable", "others' p99 before"]
    return [
        "### Logins",
        "",
        f"{_FLOOD} connections log in without a pause, each time as somebody else from elsewhere;"
        f" a check takes 64 MiB (argon2-cffi's default). {_OTHERS} connections ask for something"
        " else meanwhile.",
        "",
        page.table([*head, "and during"], rows),
        "",
    ]


async def _flood(server: Server, guest: Guest, seconds: float) -> list[str]:
    logins = _logins()
    async with (
        Connections.open(HOST, server.port, _FLOOD) as flood,
        Connections.open(HOST, server.port, _OTHERS) as others,
    ):
        quiet = times_of(await others.ask_for(seconds / 2))
        server.forget_peak()
        flooding = asyncio.create_task(flood.ask_for(seconds, lambda: next(logins)))
        await asyncio.sleep(0)
        busy = times_of(await others.ask_for(seconds))
        answers = await flooding
    took = max(seconds, *(answer.seconds for answer in answers))
    statuses = Counter(answer.status for answer in answers)
    return [
        f"{statuses[401] / took:.1f}",
        f"{statuses[503] / len(answers):.1%}",
        f"{server.peak_mib:.0f} of {guest.usable_mib} MiB",
        f"{_p99(quiet) * 1000:.0f} ms",
        f"{_p99(busy) * 1000:.0f} ms",
    ]


def _logins() -> Iterator[bytes]:
    for number in count():
        body = json.dumps({"username": f"user{number}@example.org", "password": "guess"})
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        head = f"POST /auth/login HTTP/1.1\r\nhost: bench\r\nfly-client-ip: {address}\r\n"
        yield f"{head}content-length: {len(body)}\r\n\r\n{body}".encode()


def _p99(times: list[float]) -> float:
    return statistics.quantiles([*times, times[-1]], n=100)[98]
