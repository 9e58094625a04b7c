"""How much one machine serves, with ever more requests in flight."""

import statistics
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from bench import page
from bench.cpu_quota import BASELINE_MS, NoQuotaError
from bench.http_load import Ask, Connections, times_of
from bench.service_process import HOST, Guest, Server, service

STEPS: Final = (1, 10, 25, 50, 100, 150, 200, 250, 400, 800)
GUESTS: Final = (
    Guest("bursting", 256),
    Guest("1 CPU, burst used up", 256, BASELINE_MS),
    Guest("2 CPUs, burst used up", 512, 2 * BASELINE_MS),
)
# Of half of the answers: what people call quick, and what they still wait for. Their p99 depends on
# where in the scheduler's period they fall, and on what else this computer does.
_SOFT_SECONDS: Final = 0.1
_HARD_SECONDS: Final = 0.4
_UNLIMITED: Final = {
    "RATE_LIMIT_RPM": "60000000",
    "RATE_LIMIT_BURST": "10000000",
    "SERVICE_MAX_REQUESTS": "1000",
}


@dataclass(frozen=True, slots=True)
class Window:
    """One measurement."""

    rate: float
    p50: float
    p99: float
    cpu: float
    peak_mib: float


Measured = dict[Guest, dict[int, list[Window]]]


async def report(seconds: float, rounds: int, path: str, environment: dict[str, str]) -> list[str]:
    """The tables, as lines: each guest with each number in flight, `rounds` times `seconds`."""
    request = f"GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n".encode()
    measured: Measured = {}
    async with AsyncExitStack() as stack:
        servers: dict[Guest, Server] = {}
        for guest in GUESTS:
            try:
                running = service(guest, **_UNLIMITED, **environment)
                servers[guest] = await stack.enter_async_context(running)
            except NoQuotaError:
                continue
        measured = {guest: {step: [] for step in STEPS} for guest in servers}
        for _ in range(rounds):
            for step in STEPS:
                for guest, server in servers.items():
                    window = await _measure(server, step, seconds, lambda: request)
                    measured[guest][step].append(window)
    return [*_table(measured), "", *_limits(measured), ""]


async def _measure(server: Server, connections: int, seconds: float, ask: Ask) -> Window:
    async with Connections.open(HOST, server.port, connections) as opened:
        await opened.ask_once(ask)
        server.forget_peak()
        cpu, began = server.processor_seconds(), time.perf_counter()
        times = times_of(await opened.ask_for(seconds, ask))
        elapsed = time.perf_counter() - began
        cpu = (server.processor_seconds() - cpu) / len(times)
    hundredths = statistics.quantiles([*times, times[-1]], n=100)
    return Window(len(times) / elapsed, hundredths[49], hundredths[98], cpu, server.peak_mib)


def _table(measured: Measured) -> list[str]:
    guests = list(measured)
    head = ["requests in flight"]
    for guest in guests:
        head += [f"{guest.name}: requests/s", "p50 ms", "p99 ms"]
    rows = [
        [str(step), *(text for guest in guests for text in _cells(measured[guest][step]))]
        for step in STEPS
    ]
    first = measured[guests[0]]
    cpu = statistics.median(_median(first, step).cpu for step in STEPS)
    low, high = (min(w.peak_mib for w in first[1]), max(w.peak_mib for w in first[STEPS[-1]]))
    return [
        "### Requests",
        "",
        f"A request takes {cpu * 1e6:.0f} µs of the processor. The process holds {low:.0f} MiB with"
        f" one request in flight and {high:.0f} MiB with {STEPS[-1]}: memory is not what limits"
        " them.",
        "",
        page.table(head, rows),
    ]


def _cells(windows: list[Window]) -> list[str]:
    middle = _middle(windows)
    return [f"{middle.rate:,.0f}", f"{middle.p50 * 1000:,.1f}", f"{middle.p99 * 1000:,.1f}"]


def _limits(measured: Measured) -> list[str]:
    lines = [
        f"In flight at most, so that half of the answers come within {_SOFT_SECONDS * 1000:.0f} ms"
        " (from there on the proxy should prefer another machine: the soft limit) and within"
        f" {_HARD_SECONDS * 1000:.0f} ms (there it should queue: the hard limit):",
        "",
    ]
    rows = []
    for guest, steps in measured.items():
        most = [_most_within(steps, seconds) for seconds in (_SOFT_SECONDS, _HARD_SECONDS)]
        rows.append([guest.name, *(str(number) for number in most)])
    return [*lines, page.table(["machine", "soft", "hard"], rows)]


def _most_within(steps: dict[int, list[Window]], seconds: float) -> int:
    """The greatest step up to which all are quick enough."""
    most = 0
    for step in STEPS:
        if _median(steps, step).p50 > seconds:
            break
        most = step
    return most


def _median(steps: dict[int, list[Window]], step: int) -> Window:
    return _middle(steps[step])


def _middle(windows: list[Window]) -> Window:
    values = zip(*((w.rate, w.p50, w.p99, w.cpu, w.peak_mib) for w in windows), strict=True)
    return Window(*(statistics.median(each) for each in values))
