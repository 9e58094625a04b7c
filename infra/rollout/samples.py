"""What the machines told of themselves during a soak, as plain data for the judge."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from infra.rollout.statistics import Histogram, Share

# The service's own (tests/infra/rollout/test_samples.py holds the two together).
SCHEMA = 1
# What Fly says of a machine, beside what it tells itself: a restart may fall between two looks.
DIED_AT = "died_at"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A machine's counters since its process began.

    Attributes:
        at: seconds since the soak began.
        boot: names the process; another one means that the machine was restarted.
        served, errors: requests that were let in, and those of them answered with a 5xx.
        refused: requests that the limiter refused.
        latency: of the answers that are no errors, in nanoseconds to their first byte.
        used_bytes: memory without the limiter's table, which is meant to grow.
        limit_bytes: the guest's memory, or 0 if unknown.
        limits: names the limits that apply; two machines with the same name have the same.
        died_at: when its service last ended by itself, as Fly says: 0 if never, None if it was not
            asked.
    """

    at: float
    boot: str
    served: int
    errors: int
    refused: int
    latency: Histogram
    used_bytes: int
    limit_bytes: int
    limits: str = ""
    died_at: int | None = None

    @classmethod
    def parse(cls, at: float, told: Mapping[str, Any]) -> Self:
        """Read a machine's answer.

        Raises:
            ValueError: it is none that this version understands.
        """
        try:
            if told["schema"] != SCHEMA:
                raise ValueError(f"tells statistics of schema {told['schema']}, not {SCHEMA}")
            latency, memory = told["latency"], told["memory"]
            return cls(
                at=at,
                boot=str(told["boot"]),
                served=int(told["served"]),
                errors=int(told["errors"]),
                refused=int(told["refused"]),
                latency=Histogram(
                    {int(bucket): int(count) for bucket, count in latency["counts"]},
                    float(latency["first_ns"]),
                    int(latency["per_octave"]),
                ),
                used_bytes=int(memory["rss_bytes"]) - int(memory["limiter_bytes"]),
                limit_bytes=int(memory["limit_bytes"]),
                limits=str(told["limits"]),
                died_at=told.get(DIED_AT),
            )
        except (KeyError, TypeError) as exc:
            raise ValueError(f"tells statistics without {exc}") from None

    def since(self, former: Snapshot) -> Snapshot:
        """What was counted since a former snapshot of the same process."""
        counts = Counter(self.latency.counts)
        counts.subtract(former.latency.counts)
        return replace(
            self,
            served=self.served - former.served,
            errors=self.errors - former.errors,
            refused=self.refused - former.refused,
            latency=replace(self.latency, counts={b: n for b, n in counts.items() if n}),
        )


@dataclass(frozen=True, slots=True)
class Miss:
    """A machine that told nothing.

    Attributes:
        is_silent: it did not answer at all, which a running service does.
        died_at: as in `Snapshot`.
    """

    at: float
    reason: str
    is_silent: bool
    died_at: int | None = None


def missed(reason: str, *, is_silent: bool) -> dict[str, Any]:
    """A miss as the journal keeps it, in the place of a machine's answer."""
    return {"missed": reason, "silent": is_silent}


def read(at: float, told: Mapping[str, Any]) -> Snapshot | Miss:
    """A machine's answer, or the note that there was none."""
    died_at = told.get(DIED_AT)
    if "missed" in told:
        return Miss(at, str(told["missed"]), bool(told["silent"]), died_at)
    try:
        return Snapshot.parse(at, told)
    except ValueError as exc:
        return Miss(at, str(exc), is_silent=False, died_at=died_at)


@dataclass(frozen=True, slots=True)
class Series:
    """All that one machine told, oldest first."""

    name: str
    told: tuple[Snapshot | Miss, ...] = ()

    @property
    def snapshots(self) -> list[Snapshot]:
        """Without the misses."""
        return [one for one in self.told if isinstance(one, Snapshot)]

    @property
    def misses(self) -> list[Miss]:
        """Those since it last told something."""
        missed: list[Miss] = []
        for one in reversed(self.told):
            if isinstance(one, Snapshot):
                break
            missed.append(one)
        return missed

    @property
    def restarts(self) -> int:
        """How often its process was another one than before, or Fly saw it end."""
        boots = [snapshot.boot for snapshot in self.snapshots]
        ends = [one.died_at for one in self.told if one.died_at is not None]
        return max(_changes(boots), _changes(ends))

    def counted(self, since: float) -> list[Snapshot]:
        """What each of its processes counted from some second on."""
        told = [one for one in self.snapshots if one.at >= since]
        processes = [list(group) for _, group in itertools.groupby(told, lambda one: one.boot)]
        # All that a later process counted falls into the soak.
        return [
            group[-1] if number else group[-1].since(group[0])
            for number, group in enumerate(processes)
        ]

    def memory(self, since: float) -> list[tuple[float, int]]:
        """Seconds and bytes of its present process, from some second on."""
        told = self.snapshots
        return [
            (one.at, one.used_bytes)
            for one in told
            if one.at >= since and one.boot == told[-1].boot
        ]


def _changes(values: Iterable[object]) -> int:
    return sum(one != other for one, other in itertools.pairwise(values))


@dataclass(frozen=True, slots=True)
class Samples:
    """One side of the comparison: the machines of one release in one region."""

    machines: tuple[Series, ...] = ()

    @property
    def errors(self) -> Share:
        """Requests answered with a 5xx, of those that were let in."""
        counted = [one for series in self.machines for one in series.counted(0)]
        return Share(sum(c.errors for c in counted), sum(c.served for c in counted))

    @property
    def refusals(self) -> Share:
        """Requests refused by the limiter, of all."""
        counted = [one for series in self.machines for one in series.counted(0)]
        refused = sum(c.refused for c in counted)
        return Share(refused, refused + sum(c.served for c in counted))

    @property
    def limits(self) -> set[str]:
        """The limits that apply on its machines now, by name."""
        return {series.snapshots[-1].limits for series in self.machines if series.snapshots}

    @property
    def restarts(self) -> int:
        """Of all machines."""
        return sum(series.restarts for series in self.machines)

    def latency(self, since: float) -> Histogram:
        """How long answers took, from some second on."""
        counted = [one for series in self.machines for one in series.counted(since)]
        if not counted:
            return Histogram({}, 1.0, 1)
        counts: Counter[int] = Counter()
        for one in counted:
            counts.update(one.latency.counts)
        return replace(counted[0].latency, counts=dict(counts))
