"""The bucket: what it promises for any trace of requests."""

import json
from pathlib import Path
from typing import Any

import pytest
from flygate_limiter import NEVER, Decision, Quota, bucket
from flygate_limiter.quota import NANOS
from hypothesis import given
from hypothesis import strategies as st

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text())

quotas = st.builds(
    Quota,
    units=st.integers(1, 10_000),
    period_ns=st.sampled_from([NANOS, 60 * NANOS, 3600 * NANOS, 7 * NANOS]),
    burst=st.integers(1, 1_000),
)
gaps = st.lists(st.integers(0, 2 * NANOS), min_size=1, max_size=60)
START = 1_000 * NANOS


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_vector(vector: dict[str, Any]) -> None:
    """Every vector of the table that Python and Lua share holds."""
    quota = Quota.parse(vector["quota"])

    decision, tat = bucket.take(vector["tat"], vector["now"], vector["cost"], quota)

    assert decision.allowed == vector["allowed"]
    assert decision.remaining == vector["remaining"]
    assert decision.wait_ns == vector["wait_ns"]
    assert decision.owed_ns == vector["owed_ns"]
    assert (tat if vector["cost"] else max(tat, vector["tat"])) == vector["tat_after"]


@given(quota=quotas, gaps=gaps, costs=st.lists(st.integers(1, 5), min_size=60, max_size=60))
def test_never_more_than_burst_and_refill(quota: Quota, gaps: list[int], costs: list[int]) -> None:
    """In any stretch of time no more passes than the burst and what was refilled."""
    now, tat = START, 0
    passed: list[tuple[int, int]] = []
    for gap, cost in zip(gaps, costs, strict=False):
        now += gap
        decision, tat = bucket.take(tat, now, cost, quota)
        if decision.allowed:
            passed.append((now, cost))

    for first, (begin, _) in enumerate(passed):
        units = 0
        for end, cost in passed[first:]:
            units += cost
            assert units * quota.period_ns <= (
                quota.burst * quota.period_ns + (end - begin) * quota.units
            )


@given(quota=quotas, drained=st.integers(0, 1_000), cost=st.integers(1, 1_000))
def test_denied_until_exactly_the_wait(quota: Quota, drained: int, cost: int) -> None:
    """A denied ask is denied one nanosecond before its wait is over, and allowed at it."""
    tat = START + min(drained, quota.burst) * quota.emission_ns
    decision, tat = bucket.take(tat, START, cost, quota)
    if decision.allowed:
        return
    if decision.can_never_fit:
        assert cost > quota.burst
        return

    early, _ = bucket.take(tat, START + decision.wait_ns - 1, cost, quota)
    due, _ = bucket.take(tat, START + decision.wait_ns, cost, quota)

    assert not early.allowed
    assert due.allowed


@given(quota=quotas, tat=st.integers(0, START * 2), parts=st.lists(st.integers(1, 9), max_size=9))
def test_splitting_a_cost_changes_nothing(quota: Quota, tat: int, parts: list[int]) -> None:
    """Units taken one by one, or all at once, leave the same bucket."""
    whole, after_whole = bucket.take(tat, START, sum(parts), quota)
    if not whole.allowed:
        return

    after_parts = tat
    for part in parts:
        decision, after_parts = bucket.take(after_parts, START, part, quota)
        assert decision.allowed

    assert max(after_parts, START) == max(after_whole, START)


@given(quota=quotas, tat=st.integers(0, START * 2), cost=st.integers(1, 1_000))
def test_giving_back_undoes_taking(quota: Quota, tat: int, cost: int) -> None:
    """A unit that was not used is there again."""
    decision, after = bucket.take(tat, START, cost, quota)
    if not decision.allowed:
        return

    assert bucket.give_back(after, START, cost, quota) == max(tat, START)


@given(old=quotas, new=quotas, used=st.integers(0, 1_000))
def test_a_new_quota_gives_no_free_burst(old: Quota, new: Quota, used: int) -> None:
    """After a change of quota a client has at most the new burst less what it had used."""
    used = min(used, old.burst)
    tat = bucket.rescale(START + used * old.emission_ns, START, old, new)

    decision, _ = bucket.take(tat, START, 0, new)

    assert decision.remaining == max(0, new.burst - used)


@given(old=quotas, new=quotas, owed=st.integers(0, 400 * 86_400 * NANOS))
def test_a_new_quota_bans_no_client(old: Quota, new: Quota, owed: int) -> None:
    """After a change of quota no client waits longer than one refill of the new quota."""
    tat = bucket.rescale(START + owed, START, old, new)

    decision, _ = bucket.take(tat, START, 1, new)

    assert decision.wait_ns <= new.emission_ns


@given(quota=quotas, seconds=st.integers(1, 100_000))
def test_a_block_lasts_as_long_as_it_says(quota: Quota, seconds: int) -> None:
    """A blocked bucket gives nothing before its time, and one unit at it."""
    until = START + seconds * NANOS
    tat = bucket.blocked_until(until, quota)

    assert not bucket.take(tat, until - 1, 1, quota)[0].allowed
    assert bucket.take(tat, until, 1, quota)[0].allowed


@pytest.mark.parametrize(
    ("wait_ns", "seconds"), [(1, 1), (NANOS, 1), (NANOS + 1, 2), (0, 0), (NEVER, 0)]
)
def test_retry_after_is_never_too_early(wait_ns: int, seconds: int) -> None:
    """Whole seconds are rounded up: the client's next request is not refused."""
    decision = Decision(wait_ns == 0, wait_ns, 0, Quota.parse("1/s"))

    assert decision.retry_after_seconds == seconds


@given(old=quotas, new=quotas, lacking=st.integers(1, 1_000))
def test_a_change_of_quota_forgives_nothing(old: Quota, new: Quota, lacking: int) -> None:
    """Whatever a client lacks it lacks afterwards, to the last part of a unit."""
    owed = min(lacking * old.emission_ns + 1, old.capacity_ns)
    carried = bucket.rescale(START + owed, START, old, new) - START

    whole = carried == new.capacity_ns
    assert whole or carried * old.emission_ns >= owed * new.emission_ns
