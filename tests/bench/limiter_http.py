"""Requests per second of one small FastAPI application under each limiter, all allowed."""

import asyncio
import importlib.util
import os
import socket
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from service.asgi import App, Receive, Scope, Send

_CONNECTIONS = 32
_ROUNDS = 5
_REQUEST = b"GET /items/1 HTTP/1.1\r\nhost: bench\r\n\r\n"
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


def flygate() -> App:
    """Ours, with headers."""
    from service.limiter import Limiter, MemoryStore, Policy, PolicySet, parse  # noqa: PLC0415
    from service.middleware.rate_limit import RateLimitMiddleware  # noqa: PLC0415

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
    "flygate": (flygate, "service"),
    "slowapi": (slowapi, "slowapi"),
    "fastapi-limiter": (fastapi_limiter, "fastapi_limiter"),
}


async def report(seconds: float) -> list[str]:
    """The table, as lines."""
    runs: dict[str, list[_Run]] = {}
    present = [name for name, (_, package) in VARIANTS.items() if importlib.util.find_spec(package)]
    for _ in range(_ROUNDS):
        for name in present:
            runs.setdefault(name, []).append(await _measure(name, seconds))
    base = _median(runs["empty"])
    lines = [
        f"### HTTP, {_CONNECTIONS} connections, one uvicorn worker, all requests allowed",
        "",
        "The server's processor time is what other work on the machine disturbs least.",
        "",
        "| middleware | requests/s | of the empty one | p99 ms | server µs | of the empty one |",
        "|---|---|---|---|---|---|",
    ]
    for name in present:
        run = _median(runs[name])
        lines.append(
            f"| {name} | {run.rate:,.0f} | {run.rate / base.rate:.1%} | {run.p99 * 1000:.1f}"
            f" | {run.cpu * 1e6:.0f} | {base.cpu / run.cpu:.1%} |"
        )
    return [*lines, ""]


class _Run(NamedTuple):
    rate: float
    p99: float
    cpu: float


def _median(runs: list[_Run]) -> _Run:
    return _Run(*(statistics.median(values) for values in zip(*runs, strict=True)))


async def _measure(name: str, seconds: float) -> _Run:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.limiter_http", name, str(port), env=dict(os.environ)
    )
    try:
        await _until_listening(port)
        await _load(port, 0.5)  # warm up
        before = _processor_seconds(server.pid)
        times = await _load(port, seconds)
        cpu = (_processor_seconds(server.pid) - before) / len(times)
    finally:
        server.terminate()
        await server.wait()
    return _Run(len(times) / seconds, statistics.quantiles(times, n=100)[98], cpu)


def _processor_seconds(pid: int) -> float:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
    except FileNotFoundError:  # not Linux
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _until_listening(port: int) -> None:
    async with asyncio.timeout(20):
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.02)


async def _load(port: int, seconds: float) -> list[float]:
    end = time.perf_counter() + seconds
    clients = [_client(port, end) for _ in range(_CONNECTIONS)]
    return [took for times in await asyncio.gather(*clients) for took in times]


async def _client(port: int, end: float) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    times = []
    while time.perf_counter() < end:
        began = time.perf_counter()
        writer.write(_REQUEST)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"expected 200, found {head[:60]!r}")
        length = head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]
        await reader.readexactly(int(length))
        times.append(time.perf_counter() - began)
    writer.close()
    return times


def _serve(name: str, port: int) -> None:
    import uvicorn  # noqa: PLC0415

    uvicorn.run(
        VARIANTS[name][0](),
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]))
