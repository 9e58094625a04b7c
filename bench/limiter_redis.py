"""Decisions per second of one process with a real server, and what each costs the server."""

import asyncio
import importlib.util
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from flygate_limiter import SLIDING_WINDOW, TOKEN_BUCKET, Algorithm, Charge, FakeClock, parse
from flygate_limiter.redis.denials import Denials
from flygate_limiter.redis.store import RedisStore

from bench import page
from tests.support.valkey import Valkey

Decide = Callable[[str], Awaitable[Any]]

_CONCURRENT = (1, 32, 256)
_CLIENTS = 10_000
_ROUNDS = 5
# All requests are allowed, and every client's state outlives the measurement.
_LIMIT = 1_000_000


def flygate(url: str, algorithm: Algorithm = TOKEN_BUCKET) -> Decide:
    """Flygate; nothing is answered from the deny cache."""
    store = RedisStore(url, b"bench", 5, denials=Denials(FakeClock(), 0), algorithm=algorithm)
    quota = parse(f"60/m burst {_LIMIT}" if algorithm is TOKEN_BUCKET else "60000/m")
    return lambda name: store.take([Charge(("default", name), quota)])


def flygate_window(url: str) -> Decide:
    """Flygate, sliding window."""
    return flygate(url, SLIDING_WINDOW)


def limits_fixed(url: str) -> Decide:
    """limits, fixed window, over redis-py: yes or no."""
    from limits import RateLimitItemPerMinute  # noqa: PLC0415
    from limits.aio.storage import RedisStorage  # noqa: PLC0415
    from limits.aio.strategies import FixedWindowRateLimiter  # noqa: PLC0415

    storage = RedisStorage("async+" + url, implementation="redispy", max_connections=300)
    limiter, item = FixedWindowRateLimiter(storage), RateLimitItemPerMinute(_LIMIT)
    return lambda name: limiter.hit(item, name)


def limits_sliding(url: str) -> Decide:
    """limits, sliding counter, over redis-py: yes or no."""
    from limits import RateLimitItemPerMinute  # noqa: PLC0415
    from limits.aio.storage import RedisStorage  # noqa: PLC0415
    from limits.aio.strategies import SlidingWindowCounterRateLimiter  # noqa: PLC0415

    storage = RedisStorage("async+" + url, implementation="redispy", max_connections=300)
    limiter, item = SlidingWindowCounterRateLimiter(storage), RateLimitItemPerMinute(_LIMIT)
    return lambda name: limiter.hit(item, name)


def throttled_gcra(url: str) -> Decide:
    """throttled-py, GCRA."""
    from throttled.asyncio import RedisStore as Store  # noqa: PLC0415
    from throttled.asyncio import Throttled, rate_limiter  # noqa: PLC0415

    quota = rate_limiter.per_min(60, burst=_LIMIT)
    options = {"CONNECTION_POOL_KWARGS": {"max_connections": 300}}
    throttle = Throttled(using="gcra", quota=quota, store=Store(server=url, options=options))
    limit: Decide = throttle.limit
    return limit


CANDIDATES: dict[str, tuple[Callable[[str], Decide], str]] = {
    "flygate bucket": (flygate, "flygate_limiter"),
    "flygate sliding window": (flygate_window, "flygate_limiter"),
    "limits fixed window, yes or no": (limits_fixed, "limits"),
    "limits sliding counter, yes or no": (limits_sliding, "limits"),
    "throttled-py GCRA": (throttled_gcra, "throttled"),
}


@dataclass(slots=True)
class _Column:
    """What was measured at one concurrency."""

    rates: list[float] = field(default_factory=list)
    micros: list[float] = field(default_factory=list)


async def report(seconds: float) -> list[str]:
    """The table, as lines: medians of interleaved rounds."""
    with tempfile.TemporaryDirectory() as folder:
        server = Valkey(Path(folder))
        await server.start()
        try:
            return ["### Redis, decisions/s of one process", "", *await _measure(server, seconds)]
        finally:
            await server.kill()


async def _measure(server: Valkey, seconds: float) -> list[str]:
    found = {
        name: make(server.url)
        for name, (make, package) in CANDIDATES.items()
        if importlib.util.find_spec(package) is not None
    }
    columns = {(name, count): _Column() for name in found for count in _CONCURRENT}
    for _ in range(_ROUNDS):
        for (name, count), column in columns.items():
            await _round(server, found[name], count, seconds / _ROUNDS, column)
    heads = [f"{count} at a time" for count in _CONCURRENT]
    costs = [f"server µs at {count}" for count in _CONCURRENT]
    rows = [_row(name, [columns[name, count] for count in _CONCURRENT]) for name in found]
    return [
        page.table(["implementation", *heads, *costs], rows),
        "",
        await _attack(server, seconds),
    ]


def _row(name: str, columns: list[_Column]) -> list[str]:
    rates = [f"{median(column.rates):,.0f}" for column in columns]
    micros = [f"{median(column.micros):.1f}" for column in columns]
    return [name, *rates, *micros]


async def _round(
    server: Valkey, decide: Decide, concurrent: int, seconds: float, column: _Column
) -> None:
    await _run(decide, concurrent, seconds / 10)
    before = await _server_seconds(server)
    decisions = await _run(decide, concurrent, seconds)
    column.micros.append((await _server_seconds(server) - before) / decisions * 1e6)
    column.rates.append(decisions / seconds)


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
