"""Does what the new machines use up run out, or grow without end? A part of the judge. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from statistics import median
from typing import Final

from flygate.rollout.judge.finding import MetricFinding
from flygate.rollout.judge.rules import Metric, Rules
from flygate.rollout.judge.samples import Samples, Series
from flygate.rollout.judge.snapshot import Usage

MEBI: Final = 1024 * 1024
# Of what there is: at this much the service may end any moment, or take no more connections.
FULL: Final = 0.9
# Growth that matters: within a soak so much of what there is, and all of it within an hour.
GROWTH: Final = 0.03
HORIZON_SECONDS: Final = 3600.0
# A leak is steady, where a cache fills up: each half grows at this much of the whole's rate.
STEADY: Final = 0.5
# A former release that grew half as fast would have to fail, too.
TIMES_FORMER: Final = 2.0
POINTS_MIN: Final = 5
POINTS_MAX: Final = 30


@dataclass(frozen=True, slots=True)
class Resource:
    """What a process has a limited amount of.

    Attributes:
        noun: for people.
        unit: so much of it is one, for people and in the numbers.
        suffix: the unit's name in the numbers.
        least: less growth never matters.
    """

    metric: Metric
    noun: str
    unit: int
    suffix: str
    least: int

    def text(self, amount: float) -> str:
        """`12 MiB`, `12`."""
        return f"{amount / self.unit:.0f}{' MiB' if self.unit == MEBI else ''}"

    def of(self, limit: float) -> str:
        """`256 MiB of memory`, `1024 open files`."""
        between = " of " if self.unit == MEBI else " "
        return f"{self.text(limit)}{between}{self.noun}"


MEMORY: Final = Resource("memory", "memory", MEBI, "_mib", 8 * MEBI)
DESCRIPTORS: Final = Resource("descriptors", "open files", 1, "", 20)


@dataclass(frozen=True, slots=True)
class Growth:
    """How a process's use of something went.

    Attributes:
        used, limit: at the end.
        least: less growth never matters.
        rate: so much a second, typically (Theil and Sen's slope: outliers do not matter).
        seconds: how long it was watched.
        is_steady: both halves grew much as the whole.
    """

    used: int
    limit: int
    least: int
    rate: float
    seconds: float
    is_steady: bool

    @property
    def more(self) -> float:
        """Grown while it was watched."""
        return self.rate * self.seconds

    @property
    def seconds_left(self) -> float:
        """Until all is used up, if it goes on like this."""
        return (self.limit - self.used) / self.rate if self.rate > 0 else math.inf

    @property
    def is_full(self) -> bool:
        """There is hardly any left."""
        return bool(self.limit) and self.used >= FULL * self.limit

    @property
    def is_leak(self) -> bool:
        """It matters, it does not flatten, and it ends badly soon."""
        matters = self.more >= max(self.least, GROWTH * self.limit)
        return matters and self.is_steady and self.seconds_left <= HORIZON_SECONDS

    @classmethod
    def of(cls, series: Series, since: float, resource: Resource) -> Growth | None:
        """Of a machine's present process; None if it reported too little."""
        points = series.usage(resource.metric, since)
        if len(points) < POINTS_MIN:
            return None
        points = points[:: len(points) // POINTS_MAX + 1]
        half = len(points) // 2
        rate = _slope(points)
        at, last = points[-1]
        return cls(
            used=last.used,
            limit=last.limit,
            least=resource.least,
            rate=rate,
            seconds=at - points[0][0],
            is_steady=min(_slope(points[:half]), _slope(points[half:])) >= STEADY * rate,
        )


def judge(
    resource: Resource, candidate: Samples, former: Samples, rules: Rules, *, is_last: bool
) -> MetricFinding:
    """Fail a machine that runs out or leaks, where the former release's do not."""
    new, old = _growths(resource, candidate, rules), _growths(resource, former, rules)
    fastest = max((growth.rate for growth in old.values()), default=0.0)
    numbers = {
        f"{side}{resource.suffix}": {
            name: round(growth.used / resource.unit, 1) for name, growth in growths.items()
        }
        for side, growths in (("candidate", new), ("former", old))
    }
    for name, growth in new.items():
        if growth.is_full and not any(other.is_full for other in old.values()):
            text = f"uses {resource.text(growth.used)} of its {resource.of(growth.limit)}"
            return MetricFinding(resource.metric, "fail", text, numbers, name)
        # While it is watched, a cache that fills up looks the same.
        if is_last and growth.is_leak and growth.rate > TIMES_FORMER * fastest:
            return MetricFinding(resource.metric, "fail", _leak(resource, growth), numbers, name)
    return MetricFinding(resource.metric, "pass", _levels(resource, new, old), numbers)


def _growths(resource: Resource, side: Samples, rules: Rules) -> dict[str, Growth]:
    found = {series.name: Growth.of(series, rules.warm_up, resource) for series in side.machines}
    return {name: growth for name, growth in found.items() if growth is not None}


def _slope(points: list[tuple[float, Usage]]) -> float:
    pairs = combinations(points, 2)
    slopes = [(b.used - a.used) / (t - s) for (s, a), (t, b) in pairs if t > s]
    return median(slopes) if slopes else 0.0


def _leak(resource: Resource, growth: Growth) -> str:
    return (
        f"leaks {resource.noun}: {resource.text(growth.more)} more in {growth.seconds:.0f} s, now "
        f"{resource.text(growth.used)}; its {resource.text(growth.limit)} last "
        f"{growth.seconds_left:.0f} s more"
    )


def _levels(resource: Resource, new: dict[str, Growth], old: dict[str, Growth]) -> str:
    if not new:
        return f"{resource.noun} not judged: too little was reported to see it grow"
    levels = [max((g.used for g in side.values()), default=0) for side in (new, old)]
    return f"{resource.noun} {resource.text(levels[0])} against {resource.text(levels[1])}"
