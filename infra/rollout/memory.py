"""Does the memory of the new machines run out, or grow without end? A part of the judge. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from statistics import median

from infra.rollout.finding import Finding
from infra.rollout.rules import Rules
from infra.rollout.samples import Samples, Series

MEBI = 1024 * 1024
# Of the guest's memory: at this much the kernel may end the service any moment.
FULL = 0.9
# Growth that matters: within a soak so much of it, and all of it within an hour.
GROWTH = 0.03
GROWTH_BYTES = 8 * MEBI
HORIZON_SECONDS = 3600.0
# A leak is steady, where a cache fills up: each half grows at this much of the whole's rate.
STEADY = 0.5
# A former release that grew half as fast would have to fail, too.
TIMES_FORMER = 2.0
POINTS_MIN = 5
POINTS_MAX = 30


@dataclass(frozen=True, slots=True)
class Growth:
    """How a process's memory went.

    Attributes:
        used, limit: bytes, at the end.
        rate: bytes a second, typically (Theil and Sen's slope: outliers do not matter).
        seconds: how long it was watched.
        is_steady: both halves grew much as the whole.
    """

    used: int
    limit: int
    rate: float
    seconds: float
    is_steady: bool

    @property
    def bytes(self) -> float:
        """Grown while it was watched."""
        return self.rate * self.seconds

    @property
    def seconds_left(self) -> float:
        """Until the guest's memory is full, if it goes on like this."""
        return (self.limit - self.used) / self.rate if self.rate > 0 else math.inf

    @property
    def is_leak(self) -> bool:
        """It matters, it does not flatten, and it ends badly soon."""
        matters = self.bytes >= max(GROWTH_BYTES, GROWTH * self.limit)
        return matters and self.is_steady and self.seconds_left <= HORIZON_SECONDS

    @classmethod
    def of(cls, series: Series, since: float) -> Growth | None:
        """Of a machine's present process; None if it told too little."""
        points = series.memory(since)
        if len(points) < POINTS_MIN:
            return None
        points = points[:: len(points) // POINTS_MAX + 1]
        half = len(points) // 2
        rate = _slope(points)
        return cls(
            used=points[-1][1],
            limit=series.snapshots[-1].limit_bytes,
            rate=rate,
            seconds=points[-1][0] - points[0][0],
            is_steady=min(_slope(points[:half]), _slope(points[half:])) >= STEADY * rate,
        )


def judge(candidate: Samples, former: Samples, rules: Rules, *, is_last: bool) -> Finding:
    """Fail a machine that is full or leaks, where the former release's are not and do not."""
    new, old = _growths(candidate, rules), _growths(former, rules)
    fastest = max((growth.rate for growth in old.values()), default=0.0)
    numbers = {
        "candidate_mib": {name: round(growth.used / MEBI, 1) for name, growth in new.items()},
        "former_mib": {name: round(growth.used / MEBI, 1) for name, growth in old.items()},
    }
    for name, growth in new.items():
        if growth.limit and growth.used >= FULL * growth.limit and not _any_full(old):
            text = f"uses {_mib(growth.used)} of its {_mib(growth.limit)} of memory"
            return Finding("memory", "fail", text, numbers, name)
        # While it is watched, a cache that fills up looks the same.
        if is_last and growth.is_leak and growth.rate > TIMES_FORMER * fastest:
            return Finding("memory", "fail", _leak(growth), numbers, name)
    text = _levels(new, old) if new else "memory not judged: the soak is too short to see it grow"
    return Finding("memory", "pass", text, numbers)


def _growths(side: Samples, rules: Rules) -> dict[str, Growth]:
    found = {series.name: Growth.of(series, rules.warm_up) for series in side.machines}
    return {name: growth for name, growth in found.items() if growth is not None}


def _any_full(growths: dict[str, Growth]) -> bool:
    return any(growth.used >= FULL * growth.limit for growth in growths.values())


def _slope(points: list[tuple[float, int]]) -> float:
    slopes = [(b - a) / (t - s) for (s, a), (t, b) in combinations(points, 2) if t > s]
    return median(slopes) if slopes else 0.0


def _leak(growth: Growth) -> str:
    return (
        f"leaks memory: {_mib(growth.bytes)} more in {growth.seconds:.0f} s, now "
        f"{_mib(growth.used)}; its {_mib(growth.limit)} last {growth.seconds_left:.0f} s more"
    )


def _levels(new: dict[str, Growth], old: dict[str, Growth]) -> str:
    levels = [max((g.used for g in side.values()), default=0) for side in (new, old)]
    return f"memory {_mib(levels[0])} against {_mib(levels[1])}"


def _mib(size: float) -> str:
    return f"{size / MEBI:.0f} MiB"
