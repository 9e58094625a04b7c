"""A simulated region under traffic as real services have it; the judge's false alarms show here.

Traffic comes in bursts and drifts like a time of day; latencies are log-normal over two kinds of
requests, and rise with a burst; machines differ by a few percent; errors have a base rate, differ
by machine, and come in waves when something behind all machines fails.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from flygate.rollout.judge.rules import Rules
from flygate.rollout.judge.snapshot import Part, Snapshot, Usage
from flygate.rollout.judge.statistics import Histogram
from flygate.rollout.judge.watch import Soak, Watch, Watched
from flygate.rollout.verdict import Verdict
from flygate_wire.statistics_schema import group_of

MIB = 1024 * 1024
FIRST = 1000.0
PER_OCTAVE = 16
SOAK_SECONDS = 60.0
LOOKS = 12
GROUPS = 8
CLIENTS = 40
# A few clients ask for most of what is asked for.
_POPULARITY = 1 / np.arange(1, CLIENTS + 1) ** 0.8
POPULARITY = _POPULARITY / _POPULARITY.sum()
NAMES = [f"{number:02x}00" for number in range(CLIENTS)]
EVIL = "ff00"
# What the service's default quota gives one client: 60 a minute and a burst.
EVIL_PER_LOOK = round(SOAK_SECONDS / LOOKS)
EVIL_BURST = 10


@dataclass(frozen=True)
class Difference:
    """How the new release is worse, if it is.

    Attributes:
        errors: more 5xx, as a share of all requests.
        slower: times as slow.
    """

    errors: float = 0.0
    slower: float = 1.0


@dataclass(frozen=True)
class Region:
    """Chance's choices for one rollout, shared by all machines of the region."""

    chance: np.random.Generator
    requests: int
    base_errors: float
    spread: float

    @classmethod
    def draw(cls, chance: np.random.Generator, requests: int) -> Region:
        """A service and its day.

        Args:
            requests: that the new machine gets in one soak, on average.
        """
        return cls(
            chance,
            requests,
            base_errors=float(chance.choice([0.0, 0.001, 0.005, 0.01])),
            spread=float(chance.uniform(0.3, 1.0)),
        )

    def looks(self, number: int) -> list[tuple[float, float]]:
        """Of each look: how busy it was, and the share of errors that all machines had."""
        slope = float(self.chance.choice([-0.3, 0.0, 0.3]))
        drift = np.linspace(1 - slope, 1 + slope, number)
        bursts = self.chance.lognormal(0, 0.4, number)
        waves = np.where(self.chance.random(number) < 0.05, 0.2, 0.0)
        return [(float(d * b), float(w)) for d, b, w in zip(drift, bursts, waves, strict=True)]


class Machine:
    """Counts what it answers."""

    def __init__(self, region: Region, release: Difference) -> None:
        self._region = region
        self._chance = region.chance
        self._speed = float(self._chance.lognormal(0, 0.04)) * release.slower
        rate = region.base_errors * float(self._chance.lognormal(0, 0.3)) + release.errors
        self._error_rate = rate
        self._latencies = np.zeros((GROUPS, 512), dtype=int)
        self._errors: Counter[str] = Counter()
        self._served: Counter[int] = Counter()
        self._failed: Counter[int] = Counter()
        self._refused: Counter[int] = Counter()

    def serve(self, at: float, busy: float, wave: float) -> Snapshot:
        """Answer the requests of one look."""
        count = int(self._chance.poisson(self._region.requests / LOOKS * busy))
        errors = int(self._chance.binomial(count, min(1.0, self._error_rate + wave)))
        clients = self._chance.choice(CLIENTS, count, p=POPULARITY)
        self._served.update((clients % GROUPS).tolist())
        self._failed.update((clients[:errors] % GROUPS).tolist())
        self._errors.update(NAMES[client] for client in clients[:errors])
        self._time(clients[errors:] % GROUPS, busy)
        return self.report(at)

    def harm(self, kind: str, requests: int) -> None:
        """Answer the requests of one client who wants it to look bad, or the others good."""
        group = group_of(EVIL, GROUPS)
        if kind == "flood":
            self._refused[group] += 100 * requests
            return
        self._served[group] += requests
        if kind == "errors":
            self._failed[group] += requests
            self._errors[EVIL] += requests
        else:
            self._latencies[group, _bucket(5e9 if kind == "slow" else 1e5)] += requests

    def report(self, at: float) -> Snapshot:
        """What it has counted."""
        groups = [_counts(row) for row in self._latencies]
        return Snapshot(
            at=at,
            boot="a boot",
            served=self._served.total(),
            errors=self._failed.total(),
            refused=self._refused.total(),
            latency=Histogram(_counts(self._latencies.sum(axis=0)), FIRST, PER_OCTAVE),
            usage={"memory": Usage(self._memory(at), 256 * MIB)},
            parts=tuple(
                Part(self._served[g], self._failed[g], self._refused[g], groups[g])
                for g in range(GROUPS)
            ),
            clients=dict(self._errors),
        )

    def _memory(self, at: float) -> int:
        noise = self._chance.normal(0, MIB / 4)
        return int(50 * MIB + 6 * MIB * (1 - np.exp(-at / 20)) + noise)

    def _time(self, groups: np.ndarray, busy: float) -> None:
        count = len(groups)
        kinds = np.where(self._chance.random(count) < 0.3, 60e6, 10e6)
        noise = self._chance.lognormal(0, self._region.spread, count)
        nanoseconds = kinds * noise * self._speed * busy**0.3
        np.add.at(self._latencies, (groups, _bucket(nanoseconds)), 1)


def _bucket(nanoseconds: Any) -> Any:
    return np.floor(np.log2(nanoseconds / FIRST) * PER_OCTAVE).astype(int) + 1


def _counts(row: np.ndarray) -> dict[int, int]:
    [buckets] = np.nonzero(row)
    return dict(zip(buckets.tolist(), row[buckets].tolist(), strict=True))


def soak_of(
    seed: int, requests: int, release: Difference, rules: Rules | None = None, evil: str = ""
) -> Verdict:
    """One new machine beside two former ones, judged as in a rollout, with the one extension.

    Args:
        evil: what a client does all the time who may send what its quota allows; see `harm`.
    """
    region = Region.draw(np.random.default_rng(seed), requests)
    machines = {
        "new": Machine(region, release),
        "old1": Machine(region, Difference()),
        "old2": Machine(region, Difference()),
    }
    members = {name: Watched(name, "iad", name == "new") for name in machines}
    watch = Watch(Soak(members, SOAK_SECONDS, rules or Rules(looks=LOOKS)))
    watch.look({name: machine.report(0.0) for name, machine in machines.items()})
    for number, (busy, wave) in enumerate(region.looks(2 * LOOKS), start=1):
        at = number * SOAK_SECONDS / LOOKS
        if evil:
            harmed = "old1" if evil == "quick" else "new"
            machines[harmed].harm(evil, EVIL_PER_LOOK + (EVIL_BURST if number == 1 else 0))
        verdict = watch.look({n: m.serve(at, busy, wave) for n, m in machines.items()})
        if watch.is_over:
            break
    return verdict
