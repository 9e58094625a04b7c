"""The proxy's counts per machine and per edge, for Fly's metric series."""

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Final

# Fly's bounds are not documented; these are the bounds of most Prometheus clients, in seconds.
BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(slots=True)
class Histogram:
    """A histogram of times, with their sum."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    sum_seconds: float = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.sum_seconds += seconds


@dataclass(slots=True)
class AnswerStats:
    """Answers by status; each status has its histogram, as in Fly's series."""

    by_status: dict[int, Histogram] = field(default_factory=dict)
    total: int = 0

    def answered(self, status: int, seconds: float) -> None:
        self.total += 1
        times = self.by_status.get(status)
        if times is None:
            times = self.by_status[status] = Histogram()
        times.add(seconds)


@dataclass(slots=True)
class InstanceStats:
    """The counts of one machine, over all of its runs."""

    app: str
    region: str
    instance: str
    answers: AnswerStats = field(default_factory=AnswerStats)
    connect: Histogram = field(default_factory=Histogram)
    connects: int = 0
    disconnects: int = 0
    concurrency: int = 0

    def connected(self, seconds: float) -> None:
        self.connects += 1
        self.connect.add(seconds)


@dataclass(slots=True)
class EdgeStats:
    """The counts of one app at one edge."""

    app: str
    region: str
    answers: AnswerStats = field(default_factory=AnswerStats)


class Stats:
    """All counts. Those of a destroyed machine are dropped, as its series would end."""

    def __init__(self) -> None:
        self.instances: dict[str, InstanceStats] = {}
        self.edges: dict[tuple[str, str], EdgeStats] = {}

    def instance(self, machine_id: str, app: str, region: str) -> InstanceStats:
        known = self.instances.get(machine_id)
        if known is None:
            known = self.instances[machine_id] = InstanceStats(app, region, machine_id)
        return known

    def edge(self, app: str, region: str) -> EdgeStats:
        known = self.edges.get((app, region))
        if known is None:
            known = self.edges[app, region] = EdgeStats(app, region)
        return known

    def forget(self, machine_id: str) -> None:
        self.instances.pop(machine_id, None)
