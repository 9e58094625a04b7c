"""Requests per second of one small FastAPI application under each limiter, all allowed."""

import asyncio
import importlib.util
import os
import socket
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, NamedTuple

from flygate_service.asgi.messages import App, Message, Receive, Scope, Send

from bench.http_load import load
from bench.service_process import until_listening

_HOST = "127.0.0.1"
_CONNECTIONS = 32
_GENERATIONS = 4
_WINDOWS = 8
_UNREACHABLE_LIMIT = 1_000_000


def _fastapi(dependencies: list[Any] | None = None) -> Any:
    from fastapi import FastAPI  # noqa: PLC0415

    app = FastAPI(dependencies=dependencies)

    @app.get("/items/{item_id}")
    async def item(item_id: int) -> dict[str, int]:
        return {"id": item_id}

    return app


def empty() -> App:
    """A pure-ASGI middleware that does nothing: what all others are compared with."""
    app = _fastapi()

    class Empty:
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            await app(scope, receive, send)

    return Empty()


def two_fields() -> App:
    """Adds two constant fields, and decides nothing: the least that a limiter with fields costs."""
    app = _fastapi()
    fields = [
        (b"ratelimit-policy", b'"default";q=1000000;w=1'),
        (b"ratelimit", b'"default";r=999999;t=1'),
    ]

    class TwoFields:
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            def send_with_fields(message: Message) -> Awaitable[None]:
                if message["type"] == "http.response.start":
                    message["headers"] = [*message["headers"], *fields]
                return send(message)

            await app(scope, receive, send_with_fields)

    return TwoFields()


def flygate() -> App:
    """Flygate, with headers."""
    from flygate_limiter import Limiter, MemoryStore, Policy, PolicySet, parse  # noqa: PLC0415
    from flygate_service.middleware.rate_limit import RateLimitMiddleware  # noqa: PLC0415

    policy = Policy("default", parse(f"{_UNREACHABLE_LIMIT}/s"))
    return RateLimitMiddleware(_fastapi(), Limiter(PolicySet((policy,)), MemoryStore()))


def slowapi() -> App:
    """slowapi's ASGI middleware with a default limit."""
    from slowapi import Limiter  # noqa: PLC0415
    from slowapi.middleware import SlowAPIASGIMiddleware  # noqa: PLC0415
    from slowapi.util import get_remote_address  # noqa: PLC0415

    app = _fastapi()
    app.state.limiter = Limiter(
        key_func=get_remote_address, default_limits=[f"{_UNREACHABLE_LIMIT}/second"]
    )
    app.add_middleware(SlowAPIASGIMiddleware)
    limited: App = app
    return limited


def fastapi_limiter() -> App:
    """fastapi-limiter's dependency."""
    from fastapi import Depends  # noqa: PLC0415
    from fastapi_limiter.depends import RateLimiter  # noqa: PLC0415
    from pyrate_limiter import Limiter, Rate  # noqa: PLC0415

    limiter = Limiter(Rate(_UNREACHABLE_LIMIT, 1000))
    limited: App = _fastapi([Depends(RateLimiter(limiter=limiter))])
    return limited


VARIANTS: dict[str, tuple[Callable[[], App], str]] = {
    "empty": (empty, "fastapi"),
    "two constant fields": (two_fields, "fastapi"),
    "flygate": (flygate, "flygate_limiter"),
    "slowapi": (slowapi, "slowapi"),
    "fastapi-limiter": (fastapi_limiter, "fastapi_limiter"),
}


async def report(seconds: float) -> list[str]:
    """The table, as lines. Each variant is measured for `seconds` in each of some processes."""
    present = [name for name, (_, package) in VARIANTS.items() if importlib.util.find_spec(package)]
    windows: dict[str, list[_Window]] = {name: [] for name in present}
    for _ in range(_GENERATIONS):
        await _measure_generation(present, seconds / _WINDOWS, windows)
    lines = [
        f"### HTTP, {_CONNECTIONS} connections, one uvicorn worker, all requests allowed",
        "",
        f"Medians of {_GENERATIONS * _WINDOWS} windows; in each, all variants were measured one"
        " after the other, and a share is one of the empty middleware's figure in the same window."
        " The server's processor time is what other work on the machine disturbs least; the load"
        " generator took {:.0%} of a core.".format(statistics.median(_load_shares(windows))),
        "",
        "| middleware | requests/s | of the empty one | p50 ms | p99 ms | server µs"
        " | of the empty one |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [_row(name, windows[name], windows["empty"]) for name in present]
    return [*lines, ""]


class _Window(NamedTuple):
    rate: float
    p50: float
    p99: float
    cpu: float
    load: float


def _row(name: str, windows: list[_Window], empty: list[_Window]) -> str:
    rate, p50, p99, cpu, _ = (statistics.median(values) for values in zip(*windows, strict=True))
    pairs = list(zip(windows, empty, strict=True))
    of_rate = statistics.median(own.rate / peer.rate for own, peer in pairs)
    of_cpu = statistics.median(peer.cpu / own.cpu for own, peer in pairs)
    return (
        f"| {name} | {rate:,.0f} | {of_rate:.1%} | {p50 * 1000:.2f} | {p99 * 1000:.2f}"
        f" | {cpu * 1e6:.0f} | {of_cpu:.1%} |"
    )


def _load_shares(windows: dict[str, list[_Window]]) -> list[float]:
    return [window.load for each in windows.values() for window in each]


async def _measure_generation(
    names: list[str], seconds: float, windows: dict[str, list[_Window]]
) -> None:
    """Measure in fresh processes: the layout of one in memory must not decide."""
    async with AsyncExitStack() as stack:
        servers = {name: await stack.enter_async_context(_server(name)) for name in names}
        for port, _ in servers.values():
            await load(_HOST, port, _CONNECTIONS, 0.5)  # warm up
        for _ in range(_WINDOWS):
            for name, (port, pid) in servers.items():
                windows[name].append(await _measure(port, pid, seconds))


async def _measure(port: int, pid: int, seconds: float) -> _Window:
    before, own, began = _processor_seconds(pid), time.process_time(), time.perf_counter()
    times = await load(_HOST, port, _CONNECTIONS, seconds)
    elapsed = time.perf_counter() - began
    cpu = (_processor_seconds(pid) - before) / len(times)
    hundredths = statistics.quantiles(times, n=100)
    load_share = (time.process_time() - own) / elapsed
    return _Window(len(times) / elapsed, hundredths[49], hundredths[98], cpu, load_share)


@asynccontextmanager
async def _server(name: str) -> AsyncIterator[tuple[int, int]]:
    """A server's port and pid."""
    with socket.create_server((_HOST, 0)) as free:
        port = free.getsockname()[1]
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.limiter_http", name, str(port), env=dict(os.environ)
    )
    try:
        await until_listening(port)
        yield port, server.pid
    finally:
        server.terminate()
        await server.wait()


def _processor_seconds(pid: int) -> float:
    try:
        # In nanoseconds, where /proc/PID/stat counts in hundredths of a second.
        with open(f"/proc/{pid}/schedstat") as stat:
            return int(stat.read().split()[0]) / 1e9
    except FileNotFoundError:  # not Linux
        return float("nan")


def _serve(name: str, port: int) -> None:
    import uvicorn  # noqa: PLC0415

    uvicorn.run(
        VARIANTS[name][0](),
        host=_HOST,
        port=port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]))
