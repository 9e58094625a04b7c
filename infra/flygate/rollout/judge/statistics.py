"""The judge's formulas: an exact test on counts, and a rank test on histograms. Pure.

They are short enough to be read here, and need no more than the standard library: a deployment
must not wait for scientific packages to load. The tests hold each against scipy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

_NEGLIGIBLE: Final = 1e-17


@dataclass(frozen=True, slots=True)
class Share:
    """A number of hits in a total."""

    hits: int
    total: int

    @property
    def rate(self) -> float:
        """Between 0 and 1."""
        return self.hits / self.total if self.total else 0.0

    def bounds(self, error: float) -> tuple[float, float]:
        """Between which rates the true one lies; each bound is wrong with probability `error`.

        Wilson's score interval: right also for no hits at all, where others have no width.
        """
        if not self.total:
            return 0.0, 1.0
        z2 = NormalDist().inv_cdf(1 - error) ** 2
        middle = (self.hits + z2 / 2) / (self.total + z2)
        missed = self.hits * (self.total - self.hits) / self.total
        reach = math.sqrt(z2 * (missed + z2 / 4)) / (self.total + z2)
        return max(0.0, middle - reach), min(1.0, middle + reach)


def excess(candidate: Share, former: Share) -> float:
    """Return how likely chance alone gives the candidate as many hits (Fisher, one-sided).

    Exact for every count, also for none on one side, where a ratio says nothing.
    """
    hits = candidate.hits + former.hits
    total = candidate.total + former.total
    seen = candidate.hits
    least = max(0, hits - former.total)
    if seen <= least:
        return 1.0
    term = math.exp(
        _log_choose(hits, seen)
        + _log_choose(total - hits, candidate.total - seen)
        - _log_choose(total, candidate.total)
    )
    tail = term
    for k in range(seen, min(hits, candidate.total)):
        # The hypergeometric probabilities of k and k + 1 differ by a simple factor.
        term *= (hits - k) * (candidate.total - k)
        term /= (k + 1) * (total - hits - candidate.total + k + 1)
        tail += term
        if term < tail * _NEGLIGIBLE:
            break
    return min(1.0, tail)


def most_excess(candidate: Share, former: Share, error: float) -> float:
    """Return the largest difference of the true rates that the counts allow (Newcombe's interval).

    Args:
        error: how likely the true difference is larger.
    """
    _, most = candidate.bounds(error)
    least, _ = former.bounds(error)
    reach = math.hypot(most - candidate.rate, former.rate - least)
    return candidate.rate - former.rate + reach


@dataclass(frozen=True, slots=True)
class Histogram:
    """Measurements in buckets of equal ratio: bucket i + 1 is `ratio` times bucket i.

    Attributes:
        counts: bucket → how many.
        first: the lower edge of bucket 1, in any unit; bucket 0 has all that is below.
        per_octave: buckets until a value has doubled.
    """

    counts: dict[int, int]
    first: float
    per_octave: int

    @property
    def total(self) -> int:
        """Return how many measurements."""
        return sum(self.counts.values())

    def quantile(self, share: float) -> float:
        """Return the value below which a share of the measurements lies, in the unit of `first`."""
        wanted, seen = share * self.total, 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= wanted:
                # The middle of the bucket, on its own scale.
                return self.first * float(2 ** ((bucket - 0.5) / self.per_octave))
        return 0.0

    def buckets(self, factor: float) -> int:
        """Return how many buckets a factor is away, to the nearest."""
        return round(math.log2(factor) * self.per_octave)


def slower(candidate: Histogram, former: Histogram, factor: float) -> float:
    """Return how likely a candidate that is at most `factor` times as slow looks like this one.

    Mann and Whitney's rank test, one-sided, with ties (each bucket is one) and the correction
    for continuity. A factor is a shift of the buckets, since they are on a logarithmic scale.
    """
    return _p_above(candidate, former, candidate.buckets(factor))


def faster(candidate: Histogram, former: Histogram, factor: float) -> float:
    """Return how likely a candidate that is at least `factor` times as slow looks like this one."""
    return _p_above(former, candidate, -candidate.buckets(factor))


def ratio(candidate: Histogram, former: Histogram) -> float:
    """Return how many times as slow the candidate typically is (Hodges and Lehmann's estimate)."""
    if not candidate.total or not former.total:
        return 1.0
    low, high = -_span(candidate, former), _span(candidate, former)
    while low < high:
        shift = (low + high + 1) // 2
        if _wins(candidate, former, shift) >= candidate.total * former.total / 2:
            low = shift
        else:
            high = shift - 1
    return float(2 ** ((low + _fraction(candidate, former, low)) / candidate.per_octave))


def _fraction(candidate: Histogram, former: Histogram, shift: int) -> float:
    """Where between two shifts the balance lies, so that an estimate is no multiple of buckets."""
    half = candidate.total * former.total / 2
    here, there = _wins(candidate, former, shift), _wins(candidate, former, shift + 1)
    return (here - half) / (here - there) if here > there else 0.0


def _span(one: Histogram, other: Histogram) -> int:
    buckets = [*one.counts, *other.counts]
    return max(buckets) - min(buckets) + 1


def _p_above(one: Histogram, other: Histogram, shift: int) -> float:
    """Return how likely chance alone ranks `one`, moved down by `shift` buckets, this high."""
    n, m = one.total, other.total
    if not n or not m:
        return 1.0
    total = n + m
    moved = {bucket - shift: count for bucket, count in one.counts.items()}
    ties = sum(
        size**3 - size
        for bucket in {*moved, *other.counts}
        if (size := moved.get(bucket, 0) + other.counts.get(bucket, 0)) > 1
    )
    variance = n * m / 12 * ((total + 1) - ties / (total * (total - 1)))
    if variance <= 0:
        return 1.0
    z = (_wins(one, other, shift) - n * m / 2 - 0.5) / math.sqrt(variance)
    return math.erfc(z / math.sqrt(2)) / 2


def _wins(one: Histogram, other: Histogram, shift: int) -> float:
    """In how many pairs `one`, moved down by `shift` buckets, is the larger; a tie is a half."""
    wins = 0.0
    below = 0
    buckets = sorted(other.counts)
    at = 0
    for bucket in sorted(one.counts):
        while at < len(buckets) and buckets[at] < bucket - shift:
            below += other.counts[buckets[at]]
            at += 1
        wins += one.counts[bucket] * (below + other.counts.get(bucket - shift, 0) / 2)
    return wins


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
