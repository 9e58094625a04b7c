"""The memory store: exact for every key, bounded, and of no use to a flood."""

import math
import resource
import sys
import threading

import pytest
from flygate_limiter import (
    Charge,
    FakeClock,
    ForeignSnapshotError,
    Key,
    MemoryStore,
    Quota,
    StoreFullError,
    bucket,
    parse,
)
from flygate_limiter.quota import NANOS
from hypothesis import given, settings
from hypothesis import strategies as st

SLOW = parse("5/h")


def key(name: object) -> Key:
    """A bucket's name."""
    return ("test", str(name))


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 4), st.integers(0, 3 * 10**9)), max_size=80
    )
)
def test_decides_as_the_pure_function(steps: list[tuple[int, int, int]]) -> None:
    """For any trace the store answers what `bucket.take` answers for each key by itself."""
    clock = FakeClock()
    store = MemoryStore(max_keys=1_000, clock=clock)
    quota = parse("2/s burst 3")
    tats: dict[int, int] = {}
    for client, cost, gap in steps:
        clock.advance(gap)
        expected, tats[client] = bucket.take(tats.get(client, 0), clock.now(), cost, quota)

        assert store.take_one(key(client), quota, cost) == expected


async def test_all_or_none() -> None:
    """A charge that does not fit keeps all the others from being taken."""
    store = MemoryStore(clock=FakeClock())
    minute, hour = parse("2/m"), parse("5/h")
    charges = [Charge(key("minute"), minute), Charge(key("hour"), hour)]

    answers = [(await store.take(charges)).decisions for _ in range(9)]

    assert [all(d.allowed for d in decisions) for decisions in answers] == [True] * 2 + [False] * 7
    assert (await store.peek(key("hour"), hour)).remaining == 3
    assert answers[-1][0].wait_ns > 0


async def test_a_shadow_charge_refuses_no_request() -> None:
    """A charge that is not binding is denied by itself, and the others are taken."""
    store = MemoryStore(clock=FakeClock())
    charges = [
        Charge(key("live"), parse("5/m")),
        Charge(key("shadow"), parse("1/m"), binding=False),
    ]

    answers = [(await store.take(charges)).decisions for _ in range(3)]

    assert [decisions[0].allowed for decisions in answers] == [True] * 3
    assert [decisions[1].allowed for decisions in answers] == [True, False, False]


async def test_one_bucket_charged_twice() -> None:
    """Two charges to one bucket are both counted."""
    store = MemoryStore(clock=FakeClock())
    charges = [Charge(key("a"), parse("5/m"), 2), Charge(key("a"), parse("5/m"), 1)]

    await store.take(charges)

    assert (await store.peek(key("a"), parse("5/m"))).remaining == 2


def test_a_denied_key_stays_denied_among_others() -> None:
    """Eleven hundred other keys do not free a denied one (throttled-py 3.5 frees it)."""
    store = MemoryStore(clock=FakeClock())
    for _ in range(6):
        store.take_one(key("victim"), SLOW)
    for other in range(1_100):
        store.take_one(key(other), SLOW)

    assert not store.take_one(key("victim"), SLOW).allowed


def test_a_flood_frees_no_client_and_stays_small() -> None:
    """With far more keys than fit: the denied stay denied, memory stays, newcomers are served."""
    store = MemoryStore(max_keys=2_000, clock=FakeClock())
    victims = [key(f"victim {number}") for number in range(50)]
    for victim in victims:
        for _ in range(6):
            store.take_one(victim, SLOW)
    served = sum(store.take_one(key(other), SLOW).allowed for other in range(20_000))
    memory = store.memory_bytes

    assert not any(store.take_one(victim, SLOW).allowed for victim in victims)
    assert served > 2_000
    assert memory < 50_000


@settings(max_examples=30)
@given(
    flood=st.integers(0, 3_000),
    seed=st.integers(0, 2**32),
    quotas=st.tuples(*[st.sampled_from(["1/h", "2/h", "3/h", "5/h", "7/h burst 3"])] * 2),
    cost=st.integers(1, 3),
)
def test_no_flood_frees_a_denied_key(
    flood: int, seed: int, quotas: tuple[str, str], cost: int
) -> None:
    """Whatever the keys hash to and ask for, a key that was denied is denied until its time."""
    clock = FakeClock()
    store = MemoryStore(max_keys=400, clock=clock, fingerprint=lambda key: hash((seed, key)))
    quota, others = (parse(text) for text in quotas)
    while store.take_one(key("victim"), quota).allowed:
        pass
    wait = store.take_one(key("victim"), quota).wait_ns
    for other in range(flood):
        store.take_one(key(other), others, cost)
    clock.advance(wait - 1)
    before = store.take_one(key("victim"), quota)
    clock.advance(1)

    assert not before.allowed
    assert store.take_one(key("victim"), quota).allowed


def test_a_key_in_the_overflow_stays_denied() -> None:
    """A key that came too late for a slot is limited nevertheless."""
    clock = FakeClock()
    overflows = 0

    def count() -> None:
        nonlocal overflows
        overflows += 1

    store = MemoryStore(max_keys=400, clock=clock, on_overflow=count)
    for other in range(5_000):
        store.take_one(key(other), SLOW, 3)
    answers = [store.take_one(key("late"), SLOW).allowed for _ in range(20)]

    assert sum(answers) <= SLOW.burst
    assert not answers[-1]
    assert overflows > 0


def test_idle_buckets_make_room() -> None:
    """When the flood is over its slots are used again, and nothing needs sweeping."""
    clock = FakeClock()
    store = MemoryStore(max_keys=400, clock=clock)
    for other in range(5_000):
        store.take_one(key(other), SLOW)
    clock.advance(seconds=3601)
    memory = store.memory_bytes
    for other in range(300):
        for _ in range(6):
            store.take_one(key(f"new {other}"), SLOW)

    assert not any(store.take_one(key(f"new {other}"), SLOW).allowed for other in range(300))
    assert store.memory_bytes == memory


def test_grows_without_forgetting() -> None:
    """Growing from small to a hundred thousand keys loses none of them."""
    store = MemoryStore(max_keys=200_000, clock=FakeClock())
    once = parse("1/h")
    small = store.memory_bytes
    for number in range(100_000):
        assert store.take_one(key(number), once).allowed

    assert not any(store.take_one(key(number), once).allowed for number in range(100_000))
    assert small < 20_000
    assert store.memory_bytes / 100_000 < 50


def test_no_fraction_is_lost() -> None:
    """One call a second for ten minutes at 30/m gets all that is due (throttled-py: 315)."""
    clock = FakeClock()
    store = MemoryStore(clock=clock)
    allowed = 0
    for _ in range(600):
        allowed += store.take_one(key("a"), parse("30/m burst 30")).allowed
        clock.advance(seconds=1)

    assert allowed == 30 + math.floor(599 * 30 / 60)


async def test_reset_gives_a_full_bucket() -> None:
    """After a reset a denied client may go on; an unknown one is reported."""
    store = MemoryStore(clock=FakeClock())
    for _ in range(6):
        store.take_one(key("a"), SLOW)

    assert await store.reset(key("a"))
    assert (await store.peek(key("a"), SLOW)).remaining == 5
    assert not await store.reset(key("unknown"))


async def test_block() -> None:
    """A blocked key gets nothing until the time is over."""
    clock = FakeClock()
    store = MemoryStore(clock=clock)
    await store.owe(key("a"), parse("10/s"), bucket.blocked_until(90 * NANOS, parse("10/s")))

    assert store.take_one(key("a"), parse("10/s")).retry_after_seconds == 90
    clock.advance(seconds=90)
    assert store.take_one(key("a"), parse("10/s")).allowed


async def test_a_block_without_room_is_an_error() -> None:
    """A block that would not last is not silently accepted."""
    store = MemoryStore(max_keys=384, clock=FakeClock())
    for other in range(5_000):
        store.take_one(key(other), SLOW, 3)

    with pytest.raises(StoreFullError):
        await store.owe(key("one more"), SLOW, NANOS)


async def test_give_back() -> None:
    """Units that were not used are there again, and never more than the bucket holds."""
    store = MemoryStore(clock=FakeClock())
    store.take_one(key("a"), SLOW, 3)

    await store.give_back(Charge(key("a"), SLOW, 2))
    after_some = (await store.peek(key("a"), SLOW)).remaining
    await store.give_back(Charge(key("a"), SLOW, 5))

    assert after_some == 4
    assert (await store.peek(key("a"), SLOW)).remaining == 5


def test_hand_over() -> None:
    """A denied client is denied by the store that takes over, on another machine's clock."""
    clock, other_clock = FakeClock(), FakeClock(now=77)
    store, other = MemoryStore(clock=clock), MemoryStore(clock=other_clock)
    for _ in range(6):
        store.take_one(key("a"), SLOW)
    store.take_one(key("idle"), parse("1000/s"))
    clock.advance(seconds=1)

    snapshot = store.export_now()
    kept = [other.restore_now(snapshot), other.restore_now(snapshot)]

    assert len(snapshot.owed) == 1
    assert kept == [1, 1]
    assert other.take_one(key("a"), SLOW).wait_ns == store.take_one(key("a"), SLOW).wait_ns


@given(here=st.integers(0, 5), there=st.integers(0, 5))
async def test_the_later_arrival_time_wins(here: int, there: int) -> None:
    """Where both stores know a key, the fuller debt stays, in whatever order they merge."""
    store, other = MemoryStore(clock=FakeClock()), MemoryStore(clock=FakeClock())
    store.take_one(key("a"), SLOW, here)
    other.take_one(key("a"), SLOW, there)
    first, second = store.export_now(), other.export_now()

    store.restore_now(second)
    other.restore_now(first)

    expected = 5 - max(here, there)
    assert (await store.peek(key("a"), SLOW)).remaining == expected
    assert (await other.peek(key("a"), SLOW)).remaining == expected


def test_a_foreign_snapshot_is_refused() -> None:
    """Fingerprints of another seed would be nonsense here."""
    store = MemoryStore(fingerprint=lambda key: hash(("one", key)))
    other = MemoryStore(fingerprint=lambda key: hash(("two", key)))

    with pytest.raises(ForeignSnapshotError):
        other.restore_now(store.export_now())


def test_quotas_do_not_mix_in_the_overflow() -> None:
    """A strict policy's overflow does not refuse a loose policy's newcomers."""
    store = MemoryStore(max_keys=400, clock=FakeClock())
    for other in range(20_000):
        store.take_one(key(other), SLOW, 3)
    loose = Quota.parse("100/s")

    assert store.take_one(("loose", "newcomer"), loose).allowed


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_flood_of_half_a_million_keys() -> None:
    """The process does not grow, the denied stay denied, and newcomers are served."""
    store = MemoryStore(max_keys=50_000, clock=FakeClock())
    take = store.taker("test", SLOW)
    victims = [f"victim {number}" for number in range(100)]
    for victim in victims * 6:
        take(victim)
    for other in range(70_000):
        take(f"early {other}")
    table, resident = store.memory_bytes, resident_bytes()
    for other in range(430_000):
        take(f"late {other}")
    served = sum(take(f"newcomer {other}").allowed for other in range(1_000))

    assert store.memory_bytes == table < 2_000_000
    assert resident_bytes() - resident < 4_000_000
    assert not any(take(victim).allowed for victim in victims)
    assert served == 1_000
    assert store.evictions > 400_000


def test_a_burst_smaller_than_the_rate_limits() -> None:
    """A bucket much smaller than its rate is a limit (throttled-py 3.5: none)."""
    store = MemoryStore(clock=FakeClock())

    answers = [store.take_one(key("a"), parse("100/s burst 3")).allowed for _ in range(50)]

    assert sum(answers) == 3


def test_nothing_runs_in_the_background() -> None:
    """A hundred thousand keys need no thread and no sweep (limits 5.8 sweeps half of the time)."""
    before = threading.active_count()
    store = MemoryStore(clock=FakeClock())
    for other in range(100_000):
        store.take_one(key(other), SLOW)

    assert threading.active_count() == before


def resident_bytes() -> int:
    """What this process holds of the machine's memory."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()
