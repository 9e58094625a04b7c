"""Buckets by key, without requests and policies."""

from flygate_limiter import (
    SLIDING_WINDOW,
    Buckets,
    FakeClock,
    MemoryStore,
    ThreadSafeMemoryStore,
    bucket,
    parse,
)
from hypothesis import given
from hypothesis import strategies as st

steps = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 4), st.integers(0, 3 * 10**9)), max_size=80
)


@given(steps=steps, safe=st.booleans())
def test_decides_as_the_pure_function(steps: list[tuple[int, int, int]], safe: bool) -> None:
    """For any trace both forms answer what `bucket.take` answers for each key by itself."""
    clock, quota = FakeClock(), parse("2/s burst 3")
    kind = ThreadSafeMemoryStore if safe else MemoryStore
    takes, hits = (Buckets(quota, kind(max_keys=1_000, clock=clock)) for _ in range(2))
    tats: dict[int, int] = {}
    for client, cost, gap in steps:
        clock.advance(gap)
        expected, tats[client] = bucket.take(tats.get(client, 0), clock.now(), cost, quota)

        assert hits.test(str(client), cost) == expected.allowed
        assert takes.take(str(client), cost) == expected
        assert hits.hit(str(client), cost) == expected.allowed


@given(steps=steps, safe=st.booleans())
def test_sliding_windows_too(steps: list[tuple[int, int, int]], safe: bool) -> None:
    """In a store of windows both forms answer as the windows do."""
    clock, quota = FakeClock(), parse("3/s")
    kind = ThreadSafeMemoryStore if safe else MemoryStore
    takes, hits, plain = (
        kind(max_keys=1_000, clock=clock, algorithm=SLIDING_WINDOW) for _ in range(3)
    )
    take, hit = Buckets(quota, takes, "w").take, Buckets(quota, hits, "w").hit
    for client, cost, gap in steps:
        clock.advance(gap)
        expected = plain.take_one(("w", str(client)), quota, cost)

        assert take(str(client), cost) == expected
        assert hit(str(client), cost) == expected.allowed


def test_testing_takes_nothing() -> None:
    """`test` and `peek` leave a bucket as it is."""
    calls = Buckets(parse("2/m"), MemoryStore(clock=FakeClock()))
    calls.hit("a")

    assert [calls.test("a", cost) for cost in (1, 1, 2)] == [True, True, False]
    assert calls.peek("a").remaining == 1
    assert calls.take("a").remaining == 0


def test_give_back_and_reset() -> None:
    """What was not used is there again, and an operator can fill a bucket."""
    calls = Buckets(parse("3/m"), MemoryStore(clock=FakeClock()))
    calls.hit("a", 3)
    calls.give_back("a", 2)
    after = calls.peek("a").remaining

    assert after == 2
    assert calls.reset("a")
    assert calls.peek("a").remaining == 3
    assert not calls.reset("unknown")


def test_names_share_a_store() -> None:
    """Buckets of two names in one store have nothing to do with each other."""
    store = MemoryStore(clock=FakeClock())
    reads, writes = (Buckets(parse("1/m"), store, name) for name in ("reads", "writes"))

    assert reads.hit("a")
    assert writes.hit("a")
    assert not reads.hit("a")
