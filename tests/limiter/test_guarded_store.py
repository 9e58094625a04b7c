"""A Redis that fails in every way: no request waits, and each policy's `failure` holds."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import pytest
from flygate_limiter import (
    Breaker,
    Charge,
    Failure,
    FakeClock,
    ForeignSnapshotError,
    GuardedStore,
    Key,
    Listener,
    MemoryStore,
    Source,
    StoreBusyError,
    StoreError,
    StoreUnavailableError,
    Taken,
    keyed_fingerprint,
    parse,
)
from flygate_limiter.redis.store import RedisStore

from tests.support.valkey import Valkey

BUDGET = 0.05
# What the machine may add to a budget before the test says that it was not kept.
SLACK = 0.25
QUOTA = parse("4/h")


def key(name: object) -> Key:
    """A bucket's name."""
    return ("test", str(name))


class Ear(Listener):
    """Remembers what it heard."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.errors: list[StoreError] = []
        self.breaker: list[bool] = []

    def on_store_call(self, seconds: float, error: StoreError | None) -> None:
        """Keep the error."""
        if error is not None:
            self.errors.append(error)

    def on_breaker(self, is_open: bool) -> None:
        """Keep the state."""
        self.breaker.append(is_open)


@pytest.fixture
async def guarded(valkey: Valkey) -> AsyncIterator[Callable[..., GuardedStore]]:
    """Make guarded stores over the server; all are closed afterwards."""
    made: list[GuardedStore] = []

    def make(machines: int = 1, ear: Ear | None = None) -> GuardedStore:
        memory = MemoryStore(fingerprint=keyed_fingerprint(b"secret"))
        redis = RedisStore(valkey.url, memory.fingerprint, BUDGET, known=memory.export_now)
        store = GuardedStore(redis, memory, lambda: machines, listeners=[ear or Ear()])
        made.append(store)
        return store

    yield make
    for store in made:
        await store.aclose()


async def _killed(valkey: Valkey) -> None:
    await valkey.kill()


async def _paused(valkey: Valkey) -> None:
    valkey.pause()


async def _slow(valkey: Valkey) -> None:
    async def sleep() -> None:
        await valkey.command("DEBUG", "SLEEP", "1")

    task = asyncio.create_task(sleep())
    await asyncio.sleep(0.05)
    task.add_done_callback(lambda done: done.exception())


async def _out_of_memory(valkey: Valkey) -> None:
    await valkey.command("CONFIG", "SET", "maxmemory", "1")


async def _wrong_password(valkey: Valkey) -> None:
    await valkey.kill()
    await valkey.start("--requirepass", "another")


async def _read_only(valkey: Valkey) -> None:
    await valkey.command("REPLICAOF", "127.0.0.1", "1")


FAULTS = [_killed, _paused, _slow, _out_of_memory, _wrong_password, _read_only]


@pytest.mark.integration
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__.strip("_"))
async def test_a_fault_costs_no_more_than_the_budget(
    valkey: Valkey,
    guarded: Callable[..., GuardedStore],
    fault: Callable[[Valkey], Awaitable[None]],
) -> None:
    """Whatever happens to Redis, each decision comes in time, is limited, and says its source."""
    if fault is _slow:
        await valkey.kill()
        await valkey.start("--enable-debug-command", "local")
    store = guarded()
    await store.take([Charge(key("warm"), QUOTA)])
    await fault(valkey)

    answers, waits = [], []
    for _ in range(8):
        began = time.monotonic()
        answers.append(await store.take([Charge(key("a"), QUOTA)]))
        waits.append(time.monotonic() - began)

    assert max(waits) < BUDGET + SLACK
    assert {taken.source for taken in answers} == {Source.FAIR_SHARE}
    assert sum(taken.decisions[0].allowed for taken in answers) == 4


@pytest.mark.integration
async def test_hundreds_at_once_are_answered_in_time(
    valkey: Valkey, guarded: Callable[..., GuardedStore]
) -> None:
    """A hanging Redis does not make a queue: a crowd waits at once, not one after the other."""
    store = guarded()
    await store.take([Charge(key("warm"), QUOTA)])
    valkey.pause()
    began = time.monotonic()

    answers = await asyncio.gather(*(store.take([Charge(key(n), QUOTA)]) for n in range(2_000)))

    # In a queue the last one would wait for minutes.
    assert time.monotonic() - began < BUDGET + 20 * SLACK
    assert {taken.source for taken in answers} == {Source.FAIR_SHARE}


@pytest.mark.integration
async def test_comes_back(valkey: Valkey, guarded: Callable[..., GuardedStore]) -> None:
    """When Redis answers again it decides again, and listeners hear of both."""
    ear = Ear()
    store = guarded(ear=ear)
    await valkey.kill()
    for _ in range(4):
        await store.take([Charge(key("a"), QUOTA)])
    await valkey.start()
    await until_redis_decides(store)

    assert ear.breaker == [True, False]
    assert len(ear.errors) >= 3


async def until_redis_decides(store: GuardedStore) -> None:
    """Wait for it to be asked again."""
    async with asyncio.timeout(10):
        charge = Charge(key("other"), parse("1000/s"))
        while (  # noqa: ASYNC110 - what we wait for is in another process
            await store.take([charge])
        ).source is not Source.REDIS:
            await asyncio.sleep(0.02)


async def admitted(store: GuardedStore, name: str, times: int = 6) -> int:
    """How many of a client's requests pass."""
    return sum(
        [(await store.take([Charge(key(name), QUOTA)])).decisions[0].allowed for _ in range(times)]
    )


@pytest.mark.integration
async def test_an_outage_gives_no_second_burst(
    valkey: Valkey, guarded: Callable[..., GuardedStore]
) -> None:
    """Neither when it begins, nor for the time in it: of 4 units no client gets a fifth."""
    store = guarded()
    before = [await admitted(store, "denied"), await admitted(store, "half", 2)]
    valkey.pause()
    during = [await admitted(store, name) for name in ("denied", "half", "new")]
    valkey.resume()
    await until_redis_decides(store)
    after = [await admitted(store, name) for name in ("denied", "half", "new")]

    assert before == [4, 2]
    assert during == [0, 2, 4]
    assert after == [0, 0, 0]


@pytest.mark.integration
async def test_another_machine_counts_what_was_taken_in_an_outage(
    valkey: Valkey, guarded: Callable[..., GuardedStore]
) -> None:
    """A client can't have its quota again at a machine that it did not ask meanwhile."""
    store, other = guarded(), guarded()
    await valkey.kill()
    await admitted(store, "a")
    await valkey.start()
    await until_redis_decides(store)

    assert await admitted(other, "a") == 0


@pytest.mark.integration
async def test_a_redis_that_lost_its_memory_is_reminded(
    valkey: Valkey, guarded: Callable[..., GuardedStore]
) -> None:
    """Redis is restarted empty between two requests: denied and locked clients are so at once."""
    store = guarded()
    await admitted(store, "denied")
    await store.owe(key("locked"), QUOTA, 2 * QUOTA.capacity_ns)
    await valkey.kill()
    await valkey.start()

    assert await admitted(store, "new", 1) == 1
    assert await admitted(guarded(), "denied") == 0
    assert await admitted(guarded(), "locked") == 0


@pytest.mark.integration
async def test_a_lost_connection_alone_brings_nothing_back(
    valkey: Valkey, guarded: Callable[..., GuardedStore]
) -> None:
    """What was forgiven elsewhere stays so: the server is the same, and forgot nothing."""
    store, other = guarded(), guarded()
    await admitted(store, "a")
    await other.reset(key("a"))
    await valkey.command("CLIENT", "KILL", "TYPE", "normal")
    await until_redis_decides(store)

    assert await admitted(other, "a") == 4


@pytest.mark.integration
async def test_what_is_handed_over_in_an_outage_is_kept(
    valkey: Valkey, guarded: Callable[..., GuardedStore]
) -> None:
    """A machine that stops while Redis is away frees no client: Redis gets its buckets later."""
    store, old = guarded(), MemoryStore(fingerprint=RedisStore(valkey.url, b"secret").fingerprint)
    old.take_now([Charge(key("a"), QUOTA, 4)])
    await valkey.kill()
    await store.restore(old.export_now())
    # A single failure, but Redis must not decide before it has them.
    assert store.breaker.is_open
    assert await admitted(store, "a") == 0
    await valkey.start()
    await until_redis_decides(store)

    assert await admitted(guarded(), "a") == 0


@pytest.mark.integration
async def test_without_redis_it_hands_over_what_it_knows(
    valkey: Valkey, guarded: Callable[..., GuardedStore]
) -> None:
    """The way back into memory works also then."""
    store, new = guarded(), MemoryStore(fingerprint=RedisStore(valkey.url, b"secret").fingerprint)
    await admitted(store, "a")
    await valkey.kill()
    async for snapshot in store.export():
        new.restore_now(snapshot)

    assert not new.take_one(key("a"), QUOTA).allowed


def test_two_ways_to_name_buckets_do_not_go_together() -> None:
    """What one knows would mean nothing to the other: the error comes at once."""
    with pytest.raises(ForeignSnapshotError, match="same `fingerprint`"):
        GuardedStore(MemoryStore(), MemoryStore(fingerprint=lambda _: 7))


@pytest.mark.integration
async def test_failure_modes(valkey: Valkey, guarded: Callable[..., GuardedStore]) -> None:
    """Open lets pass, closed refuses, fair share gives a part, and closed wins over all."""
    store = guarded(machines=2)
    await valkey.kill()

    async def take(name: str, *modes: Failure) -> tuple[list[bool], Source]:
        charges = [Charge(key(f"{name}{n}"), QUOTA, failure=mode) for n, mode in enumerate(modes)]
        taken = await store.take(charges)
        return [decision.allowed for decision in taken.decisions], taken.source

    assert await take("a", Failure.OPEN) == ([True], Source.FAILED_OPEN)
    assert await take("b", Failure.CLOSED) == ([False], Source.FAILED_CLOSED)
    shares = [await take("c", Failure.FAIR_SHARE) for _ in range(3)]
    assert [allowed for [allowed], _ in shares] == [True, True, False]
    mixed = [await take("d", Failure.FAIR_SHARE, Failure.CLOSED) for _ in range(5)]
    assert mixed == [([True, False], Source.FAILED_CLOSED)] * 5


def test_breaker_pauses_longer_and_longer() -> None:
    """Three failures open it; one probe per pause, and the pause doubles up to its limit."""
    clock = FakeClock()
    breaker = Breaker(clock)
    for _ in range(3):
        assert breaker.may_ask()
        breaker.failed()
    pauses = []
    for _ in range(8):
        waited = 0
        while not breaker.may_ask():
            clock.advance(seconds=0.25)
            waited += 1
        pauses.append(waited / 4)
        assert not breaker.may_ask()
        breaker.failed()

    assert pauses == [0.5, 1, 2, 4, 8, 15, 15, 15]
    clock.advance(seconds=15)
    assert breaker.may_ask()
    breaker.succeeded()
    assert breaker.may_ask()
    assert not breaker.is_open


def test_a_crowd_that_fails_at_once_is_one_failure() -> None:
    """However many were under way when it opened, the first probe comes after the first pause."""
    clock = FakeClock()
    breaker = Breaker(clock)
    for _ in range(1_000):
        breaker.failed()
    assert not breaker.may_ask()
    clock.advance(seconds=0.5)

    assert breaker.may_ask()


async def test_a_crowd_is_no_fault() -> None:
    """When too many wait, they are decided here; the store is not taken for a failed one."""

    class Crowded(MemoryStore):
        async def take(self, charges: Sequence[Charge]) -> Taken:
            raise StoreBusyError("too many")

    store = GuardedStore(Crowded(), MemoryStore())
    answers = [await store.take([Charge(key("a"), QUOTA)]) for _ in range(6)]

    assert {taken.source for taken in answers} == {Source.FAIR_SHARE}
    assert sum(taken.decisions[0].allowed for taken in answers) == 4
    assert not store.breaker.is_open


async def test_a_share_is_of_the_burst_and_of_the_rate() -> None:
    """Of four machines each gives a quarter at once, and a quarter of what is refilled."""

    class Away(MemoryStore):
        async def take(self, charges: Sequence[Charge]) -> Taken:
            raise StoreUnavailableError("away")

    clock = FakeClock()
    store = GuardedStore(Away(), MemoryStore(clock=clock), lambda: 4, clock)
    charge = Charge(key("a"), parse("60/m burst 8"))

    async def passed(times: int) -> int:
        return sum([(await store.take([charge])).decisions[0].allowed for _ in range(times)])

    at_once = await passed(8)
    clock.advance(seconds=12)

    assert (at_once, await passed(8)) == (2, 2)
    clock.advance(seconds=4)
    assert await passed(8) == 1


def test_failures_in_between_do_not_add_up() -> None:
    """Only failures in a row open it: a success begins the count anew."""
    breaker = Breaker(FakeClock())
    for _ in range(5):
        breaker.failed()
        breaker.failed()
        assert not breaker.is_open
        breaker.succeeded()
