"""A simulated region under traffic as real services have it; the judge's false alarms show here.

Traffic comes in bursts and drifts like a time of day; latencies are log-normal over two kinds of
requests, and rise with a burst; machines differ by a few percent; errors have a base rate, differ
by machine, and come in waves when something behind all machines fails.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from infra.rollout.rules import Rules
from infra.rollout.samples import Snapshot
from infra.rollout.statistics import Histogram
from infra.rollout.verdict import Verdict
from infra.rollout.watch import Soak, Watch, Watched

MIB = 1024 * 1024
PER_OCTAVE = 16
SOAK_SECONDS = 60.0
LOOKS = 12


@dataclass(frozen=True)
class Release:
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

    def __init__(self, region: Region, release: Release) -> None:
        self._region = region
        self._chance = region.chance
        self._speed = float(self._chance.lognormal(0, 0.04)) * release.slower
        rate = region.base_errors * float(self._chance.lognormal(0, 0.3)) + release.errors
        self._error_rate = rate
        self.now = Snapshot(
            0.0, "a boot", 0, 0, 0, Histogram({}, 1000.0, PER_OCTAVE), 50 * MIB, 256 * MIB
        )

    def serve(self, at: float, busy: float, wave: float) -> Snapshot:
        """Answer the requests of one look."""
        count = int(self._chance.poisson(self._region.requests / LOOKS * busy))
        errors = int(self._chance.binomial(count, min(1.0, self._error_rate + wave)))
        now = self.now
        self.now = replace(
            now,
            at=at,
            served=now.served + count,
            errors=now.errors + errors,
            latency=self._latencies(now.latency, count - errors, busy),
            used_bytes=int(
                50 * MIB + 6 * MIB * (1 - np.exp(-at / 20)) + self._chance.normal(0, MIB / 4)
            ),
        )
        return self.now

    def _latencies(self, former: Histogram, count: int, busy: float) -> Histogram:
        kinds = np.where(self._chance.random(count) < 0.3, 60e6, 10e6)
        noise = self._chance.lognormal(0, self._region.spread, count)
        nanoseconds = kinds * noise * self._speed * busy**0.3
        buckets = np.floor(np.log2(nanoseconds / former.first) * PER_OCTAVE).astype(int) + 1
        counts = dict(former.counts)
        for bucket, number in zip(*np.unique(buckets, return_counts=True), strict=True):
            counts[int(bucket)] = counts.get(int(bucket), 0) + int(number)
        return replace(former, counts=counts)


def rollout(seed: int, requests: int, release: Release, rules: Rules | None = None) -> Verdict:
    """One new machine beside two former ones, judged as in a rollout, with the one extension."""
    region = Region.draw(np.random.default_rng(seed), requests)
    machines = {
        "new": Machine(region, release),
        "old1": Machine(region, Release()),
        "old2": Machine(region, Release()),
    }
    members = {name: Watched(name, "iad", name == "new") for name in machines}
    watch = Watch(Soak(members, SOAK_SECONDS, rules or Rules(looks=LOOKS)))
    watch.look({name: machine.now for name, machine in machines.items()})
    for number, (busy, wave) in enumerate(region.looks(2 * LOOKS), start=1):
        at = number * SOAK_SECONDS / LOOKS
        verdict = watch.look({n: m.serve(at, busy, wave) for n, m in machines.items()})
        if watch.is_over:
            break
    return verdict
