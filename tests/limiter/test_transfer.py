"""Buckets that move from one store into another, of whichever kinds."""

from collections.abc import AsyncIterator

import pytest
from flygate_limiter import (
    FakeClock,
    ForeignSnapshotError,
    MemoryStore,
    Portable,
    Snapshot,
    StoreUnavailableError,
    keyed_fingerprint,
    parse,
)
from flygate_limiter.quota import NANOS
from flygate_limiter.redis.denials import Denials
from flygate_limiter.redis.store import RedisStore
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.valkey import Valkey

pytestmark = pytest.mark.integration

SECRET = b"secret"
QUOTA = parse("60/m burst 5")
# Expiry runs by the server's clock, so it must not be what decides: this one is ahead.
LATER = 4_000_000_000 * NANOS + 123_456_789
# Each is there for longer than the test.
MINUTE, DAY = 60 * NANOS, 86_400 * NANOS


@pytest.fixture
def clock() -> FakeClock:
    """Both stores' own."""
    return FakeClock(LATER)


@pytest.fixture
async def redis(valkey: Valkey, clock: FakeClock) -> AsyncIterator[RedisStore]:
    """Over an empty server."""
    store = RedisStore(valkey.url, SECRET, 5, clock, Denials(clock, 0))
    yield store
    await store.aclose()


def memory(clock: FakeClock, secret: bytes = SECRET) -> MemoryStore:
    """One that names its buckets as Redis's are."""
    return MemoryStore(clock=clock, fingerprint=keyed_fingerprint(secret))


async def debts(store: Portable) -> dict[int, int]:
    """What it exports."""
    return {name: owed async for snapshot in store.export() for name, owed in snapshot.owed}


async def move(source: Portable, target: Portable) -> None:
    """All that the one has, into the other."""
    async for snapshot in source.export():
        await target.restore(snapshot)


# Few, so that both stores have the same; and any.
names = st.sampled_from([1, -1, 2**63 - 1, -(2**63)]) | st.integers(-(2**63), 2**63 - 1).filter(
    bool
)
pairs = st.lists(
    st.tuples(names, st.integers(MINUTE, 31 * DAY)),
    max_size=20,
    unique_by=lambda pair: pair[0],
)


@settings(max_examples=60)
@given(first=pairs, second=pairs, waited=st.integers(0, 5 * NANOS))
async def test_the_later_time_wins_in_either_store(
    valkey: Valkey,
    redis: RedisStore,
    clock: FakeClock,
    first: list[tuple[int, int]],
    second: list[tuple[int, int]],
    waited: int,
) -> None:
    """In any order Redis and memory then say the same, to the nanosecond."""
    await valkey.command("FLUSHALL")
    other = memory(clock)
    for owed in (first, second, first):
        snapshot = Snapshot.by(redis.fingerprint, owed)
        await redis.restore(snapshot)
        other.restore_now(snapshot)
    clock.advance(waited)

    found = await debts(redis)
    found.pop(Snapshot.by(redis.fingerprint).seed_probe, None)
    assert found == await debts(other)


async def test_a_client_is_denied_for_as_long_wherever_its_bucket_goes(
    redis: RedisStore, clock: FakeClock
) -> None:
    """From memory into Redis and back, through two clocks that have nothing in common."""
    key = ("default", "192.0.2.1")
    old, new = (
        MemoryStore(clock=(slow := FakeClock(7)), fingerprint=redis.fingerprint),
        memory(clock),
    )
    assert [old.take_one(key, QUOTA).allowed for _ in range(6)] == [True] * 5 + [False]

    await move(old, redis)
    assert (await redis.peek(key, QUOTA)).owed_ns == 5 * NANOS
    clock.advance(seconds=0.999)
    await move(redis, new)

    assert not new.take_one(key, QUOTA).allowed
    clock.advance(seconds=0.001)
    assert [new.take_one(key, QUOTA).allowed for _ in range(2)] == [True, False]
    assert slow.now() == 7


async def test_thousands_move(redis: RedisStore, clock: FakeClock) -> None:
    """More than one command holds; no command keeps Redis for long."""
    old = memory(clock)
    for number in range(5_000):
        old.take_one(("default", str(number)), QUOTA)

    await move(old, redis)

    assert await debts(redis) == await debts(old)


async def test_other_names_are_refused(redis: RedisStore, clock: FakeClock) -> None:
    """They would hit strangers."""
    with pytest.raises(ForeignSnapshotError):
        await move(memory(clock, b"another"), redis)


async def test_nothing_is_something_to_say(valkey: Valkey, redis: RedisStore) -> None:
    """An empty snapshot fails too where nothing can be written."""
    await redis.restore(Snapshot.by(redis.fingerprint))
    await valkey.command("CONFIG", "SET", "maxmemory", "1")

    with pytest.raises(StoreUnavailableError):
        await redis.restore(Snapshot.by(redis.fingerprint))


def test_the_largest_debts_go_first() -> None:
    """Locks owe more than buckets."""
    snapshot = Snapshot(1, ((7, 70), (8, 900), (9, 80)))

    assert snapshot.largest(2).owed == ((8, 900), (9, 80))
    assert snapshot.largest(3) is snapshot
