"""Nanoseconds and bytes for each decision in memory. Each answer is asked for all it can say."""

import gc
import importlib.util
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

from service.limiter import MemoryStore, parse

Hit = Callable[[str], Any]

_ROUNDS = 7
_HITS = 30_000


def flygate(limit: int) -> Hit:
    """Our store, with its whole decision."""
    store, quota = MemoryStore(), parse(f"{limit}/h")
    take = store.take_one
    return lambda name: take(("default", name), quota)


def limits_fixed(limit: int) -> Hit:
    """limits, fixed window: whether it was allowed, and nothing else."""
    limiter, item = _limits(limit)
    return lambda name: limiter.hit(item, name)


def limits_with_stats(limit: int) -> Hit:
    """limits, fixed window, with what is left and the reset time, as headers need them."""
    limiter, item = _limits(limit)
    return lambda name: (limiter.hit(item, name), limiter.get_window_stats(item, name))


def _limits(limit: int) -> tuple[Any, Any]:
    from limits import RateLimitItemPerHour  # type: ignore[import-not-found]  # noqa: PLC0415
    from limits.storage import MemoryStorage  # type: ignore[import-not-found]  # noqa: PLC0415
    from limits.strategies import (  # type: ignore[import-not-found]  # noqa: PLC0415
        FixedWindowRateLimiter,
    )

    return FixedWindowRateLimiter(MemoryStorage()), RateLimitItemPerHour(limit)


def throttled_gcra(limit: int) -> Hit:
    """throttled-py, GCRA, with room for all keys."""
    return _throttled("gcra", limit)


def throttled_token_bucket(limit: int) -> Hit:
    """throttled-py, token bucket, with room for all keys."""
    return _throttled("token_bucket", limit)


def _throttled(algorithm: str, limit: int) -> Hit:
    from throttled import MemoryStore as Store  # type: ignore[import-not-found]  # noqa: PLC0415
    from throttled import Throttled, rate_limiter  # noqa: PLC0415

    store = Store(options={"MAX_SIZE": 2_000_000})
    quota = rate_limiter.per_hour(limit, burst=limit)
    throttle = Throttled(using=algorithm, quota=quota, store=store)
    hit: Hit = throttle.limit
    return hit


CANDIDATES: dict[str, tuple[Callable[[int], Hit], str]] = {
    "flygate, whole decision": (flygate, "service"),
    "limits fixed window, yes or no": (limits_fixed, "limits"),
    "limits fixed window, with stats": (limits_with_stats, "limits"),
    "throttled-py GCRA": (throttled_gcra, "throttled"),
    "throttled-py token bucket": (throttled_token_bucket, "throttled"),
}


def report(keys: int) -> list[str]:
    """The table, as lines."""
    present = {
        name: make
        for name, (make, package) in CANDIDATES.items()
        if importlib.util.find_spec(package) is not None
    }
    hot = _hot(present)
    lines = [
        "### In memory, ns per decision",
        "",
        f"| implementation | hot key, denied | hot key, admitted | {keys:,} keys | bytes per key |",
        "|---|---|---|---|---|",
    ]
    for name in present:
        spread, size = _in_process_of_its_own(name, keys)
        denied, admitted = hot[name]
        lines.append(f"| {name} | {denied:,.0f} | {admitted:,.0f} | {spread:,.0f} | {size:.1f} |")
    return [*lines, ""]


def _hot(present: dict[str, Callable[[int], Hit]]) -> dict[str, tuple[float, float]]:
    """Medians of interleaved rounds: whatever disturbs the machine disturbs all of them."""
    pairs = {name: (make(1), make(1_000_000_000)) for name, make in present.items()}
    times: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in present}
    for _ in range(_ROUNDS):
        for name, hits in pairs.items():
            for hit, kept in zip(hits, times[name], strict=True):
                kept.append(_time(hit, ["192.0.2.1"] * _HITS))
    return {name: (statistics.median(a), statistics.median(b)) for name, (a, b) in times.items()}


def _time(hit: Hit, names: Iterable[str]) -> float:
    count = 0
    began = time.perf_counter_ns()
    for name in names:
        hit(name)
        count += 1
    return (time.perf_counter_ns() - began) / count


def _in_process_of_its_own(name: str, keys: int) -> tuple[float, float]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.limiter_memory", name, str(keys)],
        capture_output=True,
        text=True,
        check=True,
    )
    spread, size = done.stdout.split()
    return float(spread), float(size)


def _many_keys(name: str, keys: int) -> None:
    """Print ns per decision over many keys, and resident bytes for each of them."""
    names = [f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in range(keys)]
    random.Random(1).shuffle(names)
    hit = CANDIDATES[name][0](1)
    hit("warm")
    gc.collect()
    before = _resident()
    for key in names:
        hit(key)
    size = (_resident() - before) / keys
    random.Random(2).shuffle(names)
    print(_time(hit, names), size)


def _resident() -> int:
    try:
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * resource.getpagesize()
    except FileNotFoundError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    _many_keys(sys.argv[1], int(sys.argv[2]))
