"""Nanoseconds and bytes for each decision in memory.

Like is compared with like: limiters that answer yes or no with each other, and limiters that say
how much is left and how long to wait with each other. Each is called as its documentation does.
"""

import gc
import importlib.util
import json
import random
import resource
import statistics
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from flygate_limiter import Buckets, Limiter, MemoryStore, Policy, PolicySet, Request, parse

Hit = Callable[[str], Any]

_ROUNDS = 9
_HITS = 30_000
# More than the store's slots: how long a flood's calls take is measured with these.
FLOOD_KEYS = 5_000_000


def flygate_take(limit: int) -> Hit:
    """Flygate: what is left, how long to wait."""
    return Buckets(parse(f"{limit}/h")).take


def flygate_hit(limit: int) -> Hit:
    """Flygate: yes or no."""
    return Buckets(parse(f"{limit}/h")).hit


def flygate_check(limit: int) -> Hit:
    """Flygate: a request, matched by the policies; peers have no such call."""
    policies = PolicySet((Policy("default", parse(f"{limit}/h")),))
    check = Limiter(policies, MemoryStore()).check_now
    return lambda name: check(Request(name))


def limits_hit(limit: int) -> Hit:
    """limits, fixed window: yes or no."""
    limiter, item = _limits(limit)
    return partial(limiter.hit, item)


def limits_with_stats(limit: int) -> Hit:
    """limits, fixed window, with what is left and the reset time, as headers need them."""
    limiter, item = _limits(limit)
    hit, stats = limiter.hit, limiter.get_window_stats
    return lambda name: (hit(item, name), stats(item, name))


def _limits(limit: int) -> tuple[Any, Any]:
    from limits import RateLimitItemPerHour  # noqa: PLC0415
    from limits.storage import MemoryStorage  # noqa: PLC0415
    from limits.strategies import (  # noqa: PLC0415
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
    from throttled import MemoryStore as Store  # noqa: PLC0415
    from throttled import Throttled, rate_limiter  # noqa: PLC0415

    store = Store(options={"MAX_SIZE": 2_000_000})
    quota = rate_limiter.per_hour(limit, burst=limit)
    throttle = Throttled(using=algorithm, quota=quota, store=store)
    hit: Hit = throttle.limit
    return hit


class _Candidate(NamedTuple):
    make: Callable[[int], Hit]
    package: str
    answer: str


_WHOLE, _YES_OR_NO, _REQUEST = "whole", "yes or no", "a request"

CANDIDATES: dict[str, _Candidate] = {
    "flygate `Buckets.take`": _Candidate(flygate_take, "flygate_limiter", _WHOLE),
    "throttled-py GCRA": _Candidate(throttled_gcra, "throttled", _WHOLE),
    "throttled-py token bucket": _Candidate(throttled_token_bucket, "throttled", _WHOLE),
    "limits fixed window, with stats": _Candidate(limits_with_stats, "limits", _WHOLE),
    "flygate `Buckets.hit`": _Candidate(flygate_hit, "flygate_limiter", _YES_OR_NO),
    "limits fixed window": _Candidate(limits_hit, "limits", _YES_OR_NO),
    "flygate `Limiter.check_now`": _Candidate(flygate_check, "flygate_limiter", _REQUEST),
}


class _Row(NamedTuple):
    denied: float
    admitted: float
    spread: float
    size: float
    pause: float


def report(keys: int) -> list[str]:
    """Return the table, as lines."""
    present = {
        name: candidate
        for name, candidate in CANDIDATES.items()
        if importlib.util.find_spec(candidate.package) is not None
    }
    hot = _hot(present)
    rows = {name: _Row(*hot[name], *_in_new_process(name, keys)) for name in present}
    lines = [
        "### In memory, ns per decision",
        "",
        "A ratio is Flygate's to the fastest peer's that gives the same answer. The longest call is"
        " processor time, while the keys are new.",
        "",
        f"| implementation | answer | hot key, denied | hot key, admitted | {keys:,} keys"
        " | bytes per key | longest call, ms |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        answer = present[name].answer
        lines.append(
            f"| {name} | {answer} | {row.denied:,.0f}{_ratio(name, rows, 0)}"
            f" | {row.admitted:,.0f}{_ratio(name, rows, 1)}"
            f" | {row.spread:,.0f}{_ratio(name, rows, 2)} | {row.size:.1f} | {row.pause:.2f} |"
        )
    return [*lines, "", *_flood_lines()]


def _ratio(name: str, rows: dict[str, _Row], column: int) -> str:
    if CANDIDATES[name].package != "flygate_limiter":
        return ""
    peers = [
        row[column]
        for other, row in rows.items()
        if CANDIDATES[other].package != "flygate_limiter"
        and CANDIDATES[other].answer == CANDIDATES[name].answer
    ]
    return f" (1/{min(peers) / rows[name][column]:.1f})" if peers else ""


def _hot(present: dict[str, _Candidate]) -> dict[str, tuple[float, float]]:
    """Return medians of interleaved rounds: a disturbance of the machine affects all of them."""
    pairs = {name: (each.make(1), each.make(1_000_000_000)) for name, each in present.items()}
    times: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in present}
    for _ in range(_ROUNDS):
        for name, hits in pairs.items():
            for hit, kept in zip(hits, times[name], strict=True):
                kept.append(_time(hit, ["192.0.2.1"] * _HITS))
    return {name: (statistics.median(a), statistics.median(b)) for name, (a, b) in times.items()}


def _time(hit: Hit, names: Sequence[str]) -> float:
    began = time.perf_counter_ns()
    deque(map(hit, names), 0)  # the loop itself costs next to nothing
    return (time.perf_counter_ns() - began) / len(names)


def _in_new_process(name: str, keys: int) -> list[float]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.limiter_memory", name, str(keys)],
        capture_output=True,
        text=True,
        check=True,
    )
    figures: list[float] = json.loads(done.stdout)
    return figures


def _many_keys(name: str, keys: int) -> list[float]:
    """Return ns per decision over many keys, resident bytes of each, and the longest call in ms."""
    names = [f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in range(keys)]
    random.Random(1).shuffle(names)
    hit = CANDIDATES[name].make(1)
    hit("warm")
    gc.collect()
    before = _resident()
    longest = _longest_ns(hit, names)
    size = (_resident() - before) / keys
    random.Random(2).shuffle(names)
    return [_time(hit, names), size, longest / 1e6]


def _longest_ns(hit: Hit, names: Sequence[str]) -> int:
    # Processor time: on a shared machine any call may have to wait for its turn.
    now, longest = time.thread_time_ns, 0
    for name in names:
        began = now()
        hit(name)
        longest = max(longest, now() - began)
    return longest


def _flood_lines() -> list[str]:
    name = "flood"
    longest, seconds, first, held, denied, served = _in_new_process(name, FLOOD_KEYS)
    return [
        f"A flood of {FLOOD_KEYS:,} keys, none of them idle, on a store for 1,000,000:"
        f" {seconds / FLOOD_KEYS * 1e9:,.0f} ns each, the longest {longest / 1e6:.2f} ms;"
        f" memory {first / 1e6:.0f} MB after a million and {held / 1e6:.0f} MB at the end;"
        f" {denied:.0%} of the denied clients are denied still; of 10,000 newcomers"
        f" {served:.0%} are served.",
        "",
    ]


def _flood(keys: int) -> list[float]:
    calls = Buckets(parse("5/h"))
    victims = [f"victim {number}" for number in range(100)]
    for victim in victims * 6:
        calls.hit(victim)
    began, longest, held, first = time.perf_counter(), 0, 0, 0
    for start in range(0, keys, 1_000_000):
        names = [f"flood {number}" for number in range(start, start + 1_000_000)]
        before = _resident()
        longest = max(longest, _longest_ns(calls.hit, names))
        held += _resident() - before
        first = first or held
    seconds = time.perf_counter() - began
    denied = sum(not calls.test(victim) for victim in victims) / len(victims)
    served = sum(calls.hit(f"newcomer {number}") for number in range(10_000)) / 10_000
    return [longest, seconds, first, held, denied, served]


def _resident() -> int:
    try:
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * resource.getpagesize()
    except FileNotFoundError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    which, count = sys.argv[1], int(sys.argv[2])
    print(json.dumps(_flood(count) if which == "flood" else _many_keys(which, count)))
