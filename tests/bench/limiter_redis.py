"""Decisions per second of one process with a real server, and what each costs the server."""

import asyncio
import importlib.util
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from service.limiter import Charge, FakeClock, parse
from service.limiter.denials import Denials
from service.limiter.store.redis import RedisStore
from tests.support.valkey import Valkey

Decide = Callable[[str], Awaitable[Any]]

_CONCURRENT = (1, 32, 256)
_CLIENTS = 10_000


def flygate(url: str) -> Decide:
    """Ours, all requests allowed; nothing is answered from the deny cache."""
    store = RedisStore(url, b"bench", 5, denials=Denials(FakeClock(), 0))
    quota = parse("1000000/s")
    return lambda name: store.take([Charge(("default", name), quota)])


def limits_fixed(url: str) -> Decide:
    """limits, fixed window, over redis-py."""
    from limits import RateLimitItemPerSecond  # noqa: PLC0415
    from limits.aio.storage import RedisStorage  # noqa: PLC0415
    from limits.aio.strategies import FixedWindowRateLimiter  # noqa: PLC0415

    storage = RedisStorage("async+" + url, implementation="redispy", max_connections=300)
    limiter, item = FixedWindowRateLimiter(storage), RateLimitItemPerSecond(1_000_000)
    return lambda name: limiter.hit(item, name)


def throttled_gcra(url: str) -> Decide:
    """throttled-py, GCRA."""
    from throttled.asyncio import RedisStore as Store  # noqa: PLC0415
    from throttled.asyncio import Throttled, rate_limiter  # noqa: PLC0415

    quota = rate_limiter.per_sec(1_000_000, burst=1_000_000)
    options = {"CONNECTION_POOL_KWARGS": {"max_connections": 300}}
    throttle = Throttled(using="gcra", quota=quota, store=Store(server=url, options=options))
    limit: Decide = throttle.limit
    return limit


CANDIDATES: dict[str, tuple[Callable[[str], Decide], str]] = {
    "flygate": (flygate, "service"),
    "limits fixed window": (limits_fixed, "limits"),
    "throttled-py GCRA": (throttled_gcra, "throttled"),
}


async def report(seconds: float) -> list[str]:
    """The table, as lines."""
    heads = " | ".join(f"{count} at a time" for count in _CONCURRENT)
    lines = [
        "### Redis, decisions/s of one process",
        "",
        f"| implementation | {heads} | server µs at {_CONCURRENT[-1]} |",
        "|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        server = Valkey(Path(folder))
        await server.start()
        try:
            for name, (make, package) in CANDIDATES.items():
                if importlib.util.find_spec(package) is not None:
                    lines.append(await _row(server, name, make(server.url), seconds))
            lines.append("")
            lines.append(await _attack(server, seconds))
        finally:
            await server.kill()
    return [*lines, ""]


async def _row(server: Valkey, name: str, decide: Decide, seconds: float) -> str:
    rates = []
    for concurrent in _CONCURRENT:
        await _run(decide, concurrent, 0.3)
        before = await _server_seconds(server)
        decisions = await _run(decide, concurrent, seconds)
        micros = (await _server_seconds(server) - before) / decisions * 1e6
        rates.append(f"{decisions / seconds:,.0f}")
    return f"| {name} | {' | '.join(rates)} | {micros:.1f} |"


async def _run(decide: Decide, concurrent: int, seconds: float) -> int:
    end = time.perf_counter() + seconds

    async def client(number: int) -> int:
        count = 0
        while time.perf_counter() < end:
            await decide(f"client {(number + count * concurrent) % _CLIENTS}")
            count += 1
        return count

    return sum(await asyncio.gather(*(client(number) for number in range(concurrent))))


async def _attack(server: Valkey, seconds: float) -> str:
    """How many of the requests Redis sees, if nine in ten come from clients that are denied."""
    store, quota = RedisStore(server.url, b"attack", 5), parse("10/s")
    sources: list[str] = []
    end = time.perf_counter() + seconds
    number = 0
    while time.perf_counter() < end:
        number += 1
        name = f"attacker {number % 9}" if number % 10 else f"client {number}"
        sources.append((await store.take([Charge(("default", name), quota)])).source)
    await store.aclose()
    share = sources.count("redis") / len(sources)
    return f"Under attack (9 of 10 requests from denied clients) Redis sees {share:.1%} of them."


async def _server_seconds(server: Valkey) -> float:
    info: Any = await server.command("INFO", "cpu")
    return float(info["used_cpu_user"]) + float(info["used_cpu_sys"])
