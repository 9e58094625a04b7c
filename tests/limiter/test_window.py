"""The sliding window: what it promises, and where it differs from the bucket."""

import pytest
from flygate_limiter import (
    SLIDING_WINDOW,
    Charge,
    FakeClock,
    HeaderWriter,
    Limiter,
    MemoryStore,
    Policy,
    PolicySet,
    Quota,
    QuotaError,
    Request,
    StoreError,
    parse,
    window,
)
from flygate_limiter.quota import NANOS
from hypothesis import given
from hypothesis import strategies as st

quotas = st.builds(
    Quota, units=st.integers(1, 500), period_ns=st.sampled_from([NANOS, 60 * NANOS, 7 * NANOS])
)
START = 1_000_003 * NANOS


@given(
    quota=quotas,
    trace=st.lists(st.tuples(st.integers(0, 3 * 60 * NANOS), st.integers(0, 300)), max_size=40),
)
def test_decides_as_the_plain_definition(quota: Quota, trace: list[tuple[int, int]]) -> None:
    """The packed number decides as counts kept in a dictionary by window do."""
    state, now, length = 0, START, quota.period_ns
    counts: dict[int, int] = {}
    for gap, cost in trace:
        now += gap
        index, elapsed = divmod(now, length)
        weighed = counts.get(index - 1, 0) * (length - elapsed)
        fits = (counts.get(index, 0) + cost) * length + weighed <= quota.units * length

        decision, state = window.take(state, now, cost, quota)

        assert decision.allowed == fits
        if fits:
            counts[index] = counts.get(index, 0) + cost


@given(
    quota=quotas,
    takes=st.lists(st.tuples(st.integers(0, 4 * NANOS), st.integers(1, 200)), max_size=20),
    cost=st.integers(1, 600),
)
def test_denied_until_exactly_the_wait(
    quota: Quota, takes: list[tuple[int, int]], cost: int
) -> None:
    """A denied ask is denied one nanosecond before its wait is over, and allowed at it."""
    state, now = 0, START
    for gap, taken in takes:
        now += gap
        _, state = window.take(state, now, taken, quota)
    decision, state = window.take(state, now, cost, quota)
    if decision.allowed or decision.can_never_fit:
        assert decision.can_never_fit == (cost > quota.units)
        return

    assert not window.take(state, now + decision.wait_ns - 1, cost, quota)[0].allowed
    assert window.take(state, now + decision.wait_ns, cost, quota)[0].allowed


@given(quota=quotas, cost=st.integers(0, 500))
def test_giving_back_undoes_taking(quota: Quota, cost: int) -> None:
    """Units that were not used are there again."""
    decision, state = window.take(0, START, cost, quota)
    if decision.allowed:
        state = window.give_back(state, START, cost, quota)

        assert window.take(state, START, 0, quota)[0].remaining == quota.units


@given(quota=quotas, seconds=st.integers(1, 10_000))
def test_a_block_lasts(quota: Quota, seconds: int) -> None:
    """A block lasts as long as it says, and less than a window longer."""
    owed = seconds * NANOS + quota.capacity_ns - quota.emission_ns
    if owed <= quota.capacity_ns:
        return
    state = window.owing(START, owed, quota)
    until = START + seconds * NANOS

    assert not window.take(state, until - 1, 1, quota)[0].allowed
    assert window.take(state, until + quota.period_ns, 1, quota)[0].allowed


async def test_the_store() -> None:
    """In the store: all or none, peek, reset, refund, and floods, as with buckets."""
    clock = FakeClock(START)
    store = MemoryStore(max_keys=400, clock=clock, algorithm=SLIDING_WINDOW)
    charges = [Charge(("m", "a"), parse("3/m")), Charge(("h", "a"), parse("9/h"))]
    answers = [(await store.take(charges)).decisions for _ in range(5)]
    hour = (await store.peek(("h", "a"), parse("9/h"))).remaining
    await store.give_back(charges[0])
    for other in range(5_000):
        store.take_one(("m", str(other)), parse("3/m"))

    assert [decisions[0].allowed for decisions in answers] == [True] * 3 + [False] * 2
    assert hour == 6
    assert store.take_one(("m", "a"), parse("3/m")).allowed
    assert not store.take_one(("m", "a"), parse("3/m")).allowed
    assert await store.reset(("m", "a"))
    with pytest.raises(StoreError):
        store.export_now()


async def test_replaced_quotas() -> None:
    """A client that was denied is denied under another quota, and not for longer than it says."""
    clock = FakeClock(START)
    store = MemoryStore(clock=clock, algorithm=SLIDING_WINDOW)
    limits = Limiter(PolicySet((Policy("p", parse("10/m")),)), store, clock=clock)
    for _ in range(12):
        await limits.check(Request("a"))
    limits.replace(PolicySet((Policy("p", parse("10/h")),)))

    verdict = await limits.check(Request("a"))

    assert not verdict.allowed
    assert verdict.retry_after_seconds <= 3_600 + 360


def test_what_does_not_fit_is_refused() -> None:
    """A window that cannot count so far is refused by name."""
    with pytest.raises(QuotaError, match="counts to 31621"):
        window.check(parse("40000/s"))


async def test_a_burst_means_nothing() -> None:
    """What is announced is what the window gives, also if its quota has another burst."""
    limits = Limiter(
        PolicySet((Policy("p", parse("5/m burst 2")),)),
        MemoryStore(clock=FakeClock(), algorithm=SLIDING_WINDOW),
    )
    writer = HeaderWriter()

    fields = [dict(writer.render(await limits.check(Request("a")))) for _ in range(6)]

    assert {each[b"ratelimit-policy"] for each in fields} == {b'"p";q=5;w=60'}
    left = [each[b"ratelimit"].split(b";")[1] for each in fields]
    assert left == [b"r=4", b"r=3", b"r=2", b"r=1", b"r=0", b"r=0"]
    assert [b"retry-after" in each for each in fields] == [False] * 5 + [True]


def test_the_wait_is_exact_where_it_divides() -> None:
    """A nanosecond before the wait is over is too early, and at its end it is not."""
    quota = parse("4/4s")
    state, now = 0, 4_000 * NANOS
    for _ in range(4):
        _, state = window.take(state, now, 1, quota)
    now += 4 * NANOS
    denied, state = window.take(state, now, 1, quota)

    assert denied.wait_ns == NANOS
    assert not window.take(state, now + denied.wait_ns - 1, 1, quota)[0].allowed
    assert window.take(state, now + denied.wait_ns, 1, quota)[0].allowed
