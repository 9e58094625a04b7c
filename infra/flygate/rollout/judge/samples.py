"""All that the machines of one side report during a soak, as plain data for the judge."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from flygate.rollout.judge.snapshot import Miss, Snapshot, Usage
from flygate.rollout.judge.statistics import Histogram, Share


@dataclass(frozen=True, slots=True)
class Series:
    """All reports of one machine, oldest first."""

    name: str
    reports: tuple[Snapshot | Miss, ...] = ()

    @property
    def snapshots(self) -> list[Snapshot]:
        """Without the misses."""
        return [one for one in self.reports if isinstance(one, Snapshot)]

    @property
    def misses(self) -> list[Miss]:
        """Return the misses since its last snapshot."""
        missed: list[Miss] = []
        for one in reversed(self.reports):
            if isinstance(one, Snapshot):
                break
            missed.append(one)
        return missed

    @property
    def restarts(self) -> int:
        """Return how often its process was another one than before, or Fly saw it end."""
        boots = [snapshot.boot for snapshot in self.snapshots]
        ends = [one.died_at for one in self.reports if one.died_at is not None]
        return max(_changes(boots), _changes(ends))

    def counted(self, since: float) -> list[Snapshot]:
        """Return what each of its processes counted from some second on."""
        seen = [one for one in self.snapshots if one.at >= since]
        processes = [list(group) for _, group in itertools.groupby(seen, lambda one: one.boot)]
        # All that a later process counted falls into the soak.
        return [
            group[-1] if number else group[-1].since(group[0])
            for number, group in enumerate(processes)
        ]

    def usage(self, kind: str, since: float) -> list[tuple[float, Usage]]:
        """Seconds and what its present process used of something, from some second on."""
        seen = self.snapshots
        return [
            (one.at, one.usage[kind])
            for one in seen
            if one.at >= since and one.boot == seen[-1].boot and kind in one.usage
        ]


def _changes(values: Iterable[object]) -> int:
    return sum(one != other for one, other in itertools.pairwise(values))


@dataclass(frozen=True, slots=True)
class Culprits:
    """Which clients had the errors of one side.

    Attributes:
        errors: all of them, of all requests.
        clients: how many each had; those that are not named had theirs long before others.
    """

    errors: Share
    clients: Mapping[str, int]

    @property
    def first(self) -> str:
        """Return the client that had most."""
        return max(self.clients, key=lambda name: self.clients[name])

    @property
    def most(self) -> int:
        """Return how many it had."""
        return max(self.clients.values(), default=0)

    def counted(self, most: int) -> Share:
        """Return the errors that prove something: none of the client with most, of each other no
        more than `most`, and none of the requests whose errors are left out.
        """
        named = sum(self.clients.values())
        others = sorted(self.clients.values())[:-1]
        hits = sum(min(most, count) for count in others) + max(0, self.errors.hits - named)
        return Share(hits, self.errors.total - (self.errors.hits - hits))


@dataclass(frozen=True, slots=True)
class Samples:
    """One side of the comparison: the machines of one release in one region."""

    machines: tuple[Series, ...] = ()
    # What was counted is wanted many times, with and without this group and that.
    _known: dict[tuple[float, int | None], list[Snapshot]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def errors(self) -> Share:
        """Requests that ended with an error, of those that were let in."""
        return self.errors_without(None)

    @property
    def refusals(self) -> Share:
        """Requests refused by the limiter, of all."""
        return self.refusals_without(None)

    @property
    def groups(self) -> int:
        """Into how many groups each machine parts its clients; 0 if one does not."""
        return min((len(one.parts) for one in self._counted()), default=0)

    @property
    def busy_groups(self) -> set[int]:
        """Return the groups whose clients asked for anything."""
        return {
            number
            for one in self._counted()
            for number, part in enumerate(one.parts)
            if part.served or part.refused
        }

    @property
    def culprits(self) -> Culprits | None:
        """Return which clients had the errors, if all machines report it."""
        counted, names = self._counted(), Counter[str]()
        for one in counted:
            if one.clients is None:
                return None
            names.update(one.clients)
        return Culprits(self.errors, names)

    def errors_without(self, group: int | None) -> Share:
        """Return the errors of all clients but those of a group."""
        counted = self._counted(0, group)
        return Share(sum(c.errors for c in counted), sum(c.served for c in counted))

    def refusals_without(self, group: int | None) -> Share:
        """Return the refusals of all clients but those of a group."""
        counted = self._counted(0, group)
        refused = sum(c.refused for c in counted)
        return Share(refused, refused + sum(c.served for c in counted))

    @property
    def limits(self) -> set[str]:
        """Return the limits that apply on its machines now, by name."""
        return {series.snapshots[-1].limits for series in self.machines if series.snapshots}

    @property
    def restarts(self) -> int:
        """Of all machines."""
        return sum(series.restarts for series in self.machines)

    def latency(self, since: float, without: int | None = None) -> Histogram:
        """Return how long answers took, from a second on, to all clients but those of a group."""
        counted = self._counted(since, without)
        if not counted:
            return Histogram({}, 1.0, 1)
        counts: Counter[int] = Counter()
        for one in counted:
            counts.update(one.latency.counts)
        return replace(counted[0].latency, counts=dict(counts))

    def _counted(self, since: float = 0, without: int | None = None) -> list[Snapshot]:
        key = since, without
        if key not in self._known:
            if without is None:
                found = [one for series in self.machines for one in series.counted(since)]
            else:
                found = [one.without(without) for one in self._counted(since)]
            self._known[key] = found
        return self._known[key]
