"""The judge's formulas are the ones of the textbooks: scipy's answers are the reference."""

from __future__ import annotations

import math
import random

import pytest
import scipy.stats
from flygate.rollout.judge import statistics
from flygate.rollout.judge.statistics import Histogram, Share
from hypothesis import given
from hypothesis import strategies as st

counts = st.integers(0, 400).flatmap(lambda n: st.builds(Share, st.integers(0, n), st.just(n)))


@given(counts, counts)
def test_the_test_on_counts_is_fisher_s(candidate: Share, former: Share) -> None:
    """Exact, for small and for large counts, for none and for all."""
    table = [
        [candidate.hits, candidate.total - candidate.hits],
        [former.hits, former.total - former.hits],
    ]

    expected = scipy.stats.fisher_exact(table, alternative="greater").pvalue

    assert statistics.excess(candidate, former) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_large_counts_are_quick_and_right() -> None:
    """A busy service has millions of requests."""
    candidate, former = Share(10_600, 1_000_000), Share(10_000, 1_000_000)

    expected = scipy.stats.hypergeom.sf(10_599, 2_000_000, 20_600, 1_000_000)

    assert statistics.excess(candidate, former) == pytest.approx(expected, rel=1e-4)


@given(counts.filter(lambda share: share.total > 0), st.sampled_from([0.05, 0.01, 0.001]))
def test_the_bounds_of_a_share_are_wilson_s(share: Share, error: float) -> None:
    """A share of none has an upper bound above zero."""
    interval = scipy.stats.binomtest(share.hits, share.total).proportion_ci(
        1 - 2 * error, method="wilson"
    )

    assert share.bounds(error) == pytest.approx((interval.low, interval.high), abs=1e-9)


def test_the_largest_excess_is_seldom_exceeded() -> None:
    """It holds for at least the promised share of samples, at rates as services have them."""
    chance = random.Random(1)
    missed = 0
    for _ in range(2000):
        candidate = Share(sum(chance.random() < 0.06 for _ in range(150)), 150)
        former = Share(sum(chance.random() < 0.01 for _ in range(300)), 300)
        missed += statistics.most_excess(candidate, former, 0.05) < 0.05

    assert missed / 2000 <= 0.06


values = st.lists(st.integers(1, 30), min_size=1, max_size=60)


@given(values, values, st.integers(-5, 5))
def test_the_rank_test_is_mann_and_whitney_s(
    candidate: list[int], former: list[int], shift: int
) -> None:
    """With ties and a shift, as scipy computes it for the shifted values."""
    factor = 2 ** (shift / 4)

    expected = scipy.stats.mannwhitneyu(
        [value - shift for value in candidate], former, alternative="greater", method="asymptotic"
    ).pvalue

    found = statistics.slower(histogram(candidate), histogram(former), factor)
    if math.isnan(expected):  # all values are the same one
        assert found == 1.0
    else:
        assert found == pytest.approx(expected, abs=1e-9)


@given(values, values)
def test_faster_is_the_mirror_of_slower(candidate: list[int], former: list[int]) -> None:
    """To be at least as slow as the former is to have it at most as slow."""
    one, other = histogram(candidate), histogram(former)

    assert statistics.faster(one, other, 1.0) == pytest.approx(statistics.slower(other, one, 1.0))


@pytest.mark.parametrize("factor", [0.5, 1.0, 1.3, 3.0])
def test_the_ratio_says_how_much_slower_it_is(factor: float) -> None:
    """Within a few percent, though the buckets are coarse."""
    chance = random.Random(2)
    former = [chance.lognormvariate(3, 0.7) for _ in range(4000)]
    candidate = [factor * chance.lognormvariate(3, 0.7) for _ in range(4000)]

    found = statistics.ratio(measured(candidate), measured(former))

    assert found == pytest.approx(factor, rel=0.06)


def test_a_quantile_is_near_the_measurement() -> None:
    """As near as a bucket is wide."""
    assert measured(list(range(1, 1001))).quantile(0.5) == pytest.approx(500, rel=0.05)
    assert Histogram({}, 1, 16).quantile(0.5) == 0.0


def test_nothing_measured_says_nothing() -> None:
    """Neither slower nor faster."""
    none, some = Histogram({}, 1, 16), measured([1.0, 2.0])

    assert statistics.slower(none, some, 1.0) == statistics.faster(some, none, 1.0) == 1.0
    assert statistics.ratio(none, some) == 1.0


def histogram(buckets: list[int]) -> Histogram:
    return Histogram({b: buckets.count(b) for b in buckets}, 1.0, 4)


def measured(values: list[float] | list[int]) -> Histogram:
    found: dict[int, int] = {}
    for value in values:
        bucket = max(0, math.floor(math.log2(value) * 16) + 1)
        found[bucket] = found.get(bucket, 0) + 1
    return Histogram(found, 1.0, 16)
