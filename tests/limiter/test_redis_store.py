"""The Redis store on a real server: it decides as memory does, for all machines together."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import uvloop
from flygate_limiter import (
    SLIDING_WINDOW,
    TOKEN_BUCKET,
    Algorithm,
    Charge,
    FakeClock,
    Key,
    MemoryStore,
    Source,
    StoreError,
    StoreUnavailableError,
    bucket,
    keyed_fingerprint,
    parse,
)
from flygate_limiter.quota import NANOS
from flygate_limiter.redis.denials import Denials
from flygate_limiter.redis.script import Script
from flygate_limiter.redis.store import RedisStore
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.valkey import Valkey

pytestmark = pytest.mark.integration

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text())
SECRET = b"for tests"
SLOW = parse("5/h")

ALGORITHMS = [TOKEN_BUCKET, SLIDING_WINDOW]


def key(name: object) -> Key:
    """A bucket's name."""
    return ("test", str(name))


@pytest.fixture
async def store(valkey: Valkey) -> AsyncIterator[RedisStore]:
    """A store with a patient budget, since the machine is shared."""
    made = RedisStore(valkey.url, SECRET, budget_seconds=5)
    yield made
    await made.aclose()


async def test_vectors(valkey: Valkey) -> None:
    """Lua gives the answers of the table that it shares with Python, to the nanosecond."""
    clock = FakeClock()
    name = Script(keyed_fingerprint(SECRET)).name(key("b"))
    store = RedisStore(valkey.url, SECRET, 5, clock, Denials(clock, 0))
    for vector in VECTORS:
        quota = parse(vector["quota"])
        await valkey.command("SET", name.decode(), f"{vector['tat']:010d}")
        clock.advance(vector["now"] - clock.now())

        [decision] = (await store.take([Charge(key("b"), quota, vector["cost"])])).decisions

        for field in ("allowed", "wait_ns", "owed_ns", "remaining"):
            assert getattr(decision, field) == vector[field], (vector["name"], field)
        if vector["cost"] and vector["allowed"]:
            kept = await valkey.command("GET", name.decode())
            assert kept == str(vector["tat_after"]), vector["name"]
    await store.aclose()


# Each step: charges of some requests of one turn, what to do after them, and how long to wait.
charges = st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 4), st.booleans())
requests = st.lists(charges, min_size=1, max_size=3, unique_by=lambda charge: charge[:2])
acts = st.one_of(
    st.none(),
    st.tuples(st.just("give back"), charges),
    st.tuples(st.just("reset"), charges),
    st.tuples(st.just("owe"), charges),
)
traces = st.lists(
    st.tuples(st.lists(requests, min_size=1, max_size=4), acts, st.integers(0, 3 * NANOS)),
    max_size=12,
)


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=["bucket", "window"])
@settings(max_examples=100)
@given(trace=traces)
async def test_decides_as_memory_does(
    valkey: Valkey, algorithm: Algorithm, trace: list[Any]
) -> None:
    """For any trace of requests, refunds, resets and blocks, memory and Redis answer the same."""
    await valkey.command("FLUSHALL")
    # Expiry runs by the server's clock, so it must not be what decides: this one is ahead.
    clock = FakeClock(now=4_000_000_000 * NANOS + 123_456_789)
    quotas = [parse("2/s burst 2"), parse("7/3s"), parse("5/m")]
    memory = MemoryStore(clock=clock, algorithm=algorithm)
    redis = RedisStore(valkey.url, SECRET, 5, clock, Denials(clock, 0), algorithm)

    def charge(client: int, policy: int, cost: int, binding: bool = True) -> Charge:
        return Charge((f"p{policy}", str(client)), quotas[policy], cost, binding)

    try:
        for turn, act, gap in trace:
            clock.advance(gap)
            asked = [[charge(*numbers) for numbers in request] for request in turn]
            expected = [memory.take_now(request) for request in asked]
            answers = await asyncio.gather(*(redis.take(request) for request in asked))
            assert [taken.decisions for taken in answers] == expected
            if act is None:
                continue
            what, touched = act[0], charge(*act[1])
            for one in (memory, redis):
                if what == "give back":
                    await one.give_back(touched)
                elif what == "reset":
                    await one.reset(touched.key)
                else:
                    await one.owe(touched.key, touched.quota, touched.cost * 1_234_567_891)
            seen = await redis.peek(touched.key, touched.quota)
            assert seen == await memory.peek(touched.key, touched.quota)
    finally:
        await redis.aclose()


async def test_machines_share_a_bucket(valkey: Valkey) -> None:
    """Two machines together let through what one bucket holds, also in parallel."""
    stores = [RedisStore(valkey.url, SECRET, budget_seconds=5) for _ in range(2)]
    charge = Charge(key("a"), SLOW)

    answers = await asyncio.gather(*(stores[n % 2].take([charge]) for n in range(40)))

    for store in stores:
        await store.aclose()
    assert sum(taken.decisions[0].allowed for taken in answers) == 5


async def test_calls_of_a_turn_travel_together(valkey: Valkey, store: RedisStore) -> None:
    """A thousand requests of one turn are a handful of calls."""
    await store.take([Charge(key("first"), SLOW)])
    before = await _calls(valkey)

    await asyncio.gather(*(store.take([Charge(key(n), SLOW)]) for n in range(1_000)))

    assert await _calls(valkey) - before <= 4


async def test_any_number_of_kinds(store: RedisStore) -> None:
    """Requests of a turn that all cost something else are each charged what they cost."""
    quota = parse("1000/h")

    answers = await asyncio.gather(
        *(store.take([Charge(key(cost), quota, cost)]) for cost in range(1, 400))
    )

    remaining = [taken.decisions[0].remaining for taken in answers]
    assert remaining == [1_000 - cost for cost in range(1, 400)]


async def test_too_many_charges_are_refused(store: RedisStore) -> None:
    """A request of more buckets than a command can name is an error that says so."""
    with pytest.raises(StoreError, match="129 charges; at most 128"):
        await store.take([Charge(key(n), SLOW) for n in range(129)])


async def test_an_odd_request_disturbs_no_other(store: RedisStore) -> None:
    """Names that are no text, costs beyond any number, no charges at all: all are answered."""
    odd = [
        [Charge(key("\ud800"), SLOW)],
        [Charge(key("a\r\n$-1\r\n"), SLOW)],
        [Charge(key("costly"), SLOW, 10**40)],
        [Charge(key("generous"), SLOW, -(10**40))],
        [],
    ]

    answers = await asyncio.gather(*(store.take(charges) for charges in odd))

    decisions = [taken.decisions for taken in answers]
    assert [decided[0].remaining for decided in decisions[:4]] == [4, 4, 5, 5]
    assert decisions[2][0].can_never_fit
    assert decisions[4] == []


async def test_a_denied_client_costs_redis_nothing(valkey: Valkey, store: RedisStore) -> None:
    """What was refused a moment ago is refused here, with the wait counting down."""
    for _ in range(6):
        last = await store.take([Charge(key("a"), SLOW)])
    before = await _calls(valkey)

    answers = [await store.take([Charge(key("a"), SLOW)]) for _ in range(50)]

    assert await _calls(valkey) == before
    assert {taken.source for taken in answers} == {Source.DENY_CACHE}
    assert answers[-1].decisions[0].wait_ns < last.decisions[0].wait_ns


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_no_client_can_be_read_in_redis(valkey: Valkey, algorithm: Algorithm) -> None:
    """Neither addresses nor names are in Redis, and all keys share a hash tag and expire."""
    store = RedisStore(valkey.url, SECRET, 5, algorithm=algorithm)
    await store.take([Charge(("login", "ada@example.org"), SLOW)])
    await store.owe(("login", "bob@example.org"), SLOW, 9_000 * NANOS)
    keys: Any = await valkey.command("KEYS", "*")
    await store.aclose()

    assert len(keys) == 2
    for found in keys:
        assert found.startswith("{flygate}:")
        assert "ada" not in found
        assert 0 < int(str(await valkey.command("PTTL", found))) <= 5 * 3_600_000


async def test_what_is_idle_leaves_nothing(valkey: Valkey) -> None:
    """Keys expire by themselves when the bucket is full, or the windows have passed."""
    for algorithm in ALGORITHMS:
        store = RedisStore(valkey.url, SECRET, 5, algorithm=algorithm)
        await store.take([Charge(key("a"), parse("20/s"))])
        await store.aclose()
    async with asyncio.timeout(10):
        while await valkey.command("DBSIZE"):  # noqa: ASYNC110 - another process's doing
            await asyncio.sleep(0.05)


async def test_algorithms_may_follow_each_other(valkey: Valkey) -> None:
    """On a live Redis buckets give way to windows and back, and neither disturbs the other."""
    for algorithm in (TOKEN_BUCKET, SLIDING_WINDOW, TOKEN_BUCKET):
        store = RedisStore(valkey.url, SECRET, 5, algorithm=algorithm)
        decision = (await store.take([Charge(key("a"), SLOW, 2)])).decisions[0]
        await store.aclose()

        assert decision.allowed
    assert decision.remaining == 1


async def test_peek_give_back_reset_block(store: RedisStore) -> None:
    """What operators and refunds do works as it does in memory."""
    await store.take([Charge(key("a"), SLOW, 3)])
    seen = [(await store.peek(key("a"), SLOW)).remaining]
    await store.give_back(Charge(key("a"), SLOW, 2))
    seen.append((await store.peek(key("a"), SLOW)).remaining)
    assert await store.reset(key("a"))
    seen.append((await store.peek(key("a"), SLOW)).remaining)
    assert not await store.reset(key("a"))
    await store.owe(key("a"), SLOW, bucket.blocked_until(90 * NANOS, SLOW))
    blocked = (await store.take([Charge(key("a"), SLOW)])).decisions[0]

    assert seen == [2, 4, 5]
    assert blocked.retry_after_seconds in (89, 90)


async def test_a_restart_is_survived(valkey: Valkey, store: RedisStore) -> None:
    """A Redis that comes back empty knows no script, and is given it again."""
    await store.take([Charge(key("a"), SLOW)])
    await valkey.kill()
    with pytest.raises(StoreUnavailableError):
        await store.take([Charge(key("a"), SLOW)])
    await valkey.start()

    assert (await store.take([Charge(key("a"), SLOW)])).decisions[0].remaining == 4


def test_the_loop_of_the_service(tmp_path: Path) -> None:
    """On uvloop, too, a store decides, says when it cannot, and finds Redis again."""

    async def scenario() -> list[int]:
        valkey = Valkey(tmp_path)
        await valkey.start()
        store = RedisStore(valkey.url, SECRET, budget_seconds=5)
        try:
            seen = [(await store.take([Charge(key("a"), SLOW)])).decisions[0].remaining]
            await valkey.kill()
            with pytest.raises(StoreUnavailableError):
                await store.take([Charge(key("a"), SLOW)])
            await valkey.start()
            seen.append((await store.take([Charge(key("a"), SLOW)])).decisions[0].remaining)
        finally:
            await store.aclose()
            await valkey.kill()
        return seen

    assert uvloop.run(scenario()) == [4, 4]


async def test_a_reset_reaches_the_denied(store: RedisStore) -> None:
    """After a reset the refusal is not remembered here."""
    for _ in range(6):
        await store.take([Charge(key("a"), SLOW)])
    await store.reset(key("a"))

    assert (await store.take([Charge(key("a"), SLOW)])).decisions[0].allowed


async def _calls(valkey: Valkey) -> int:
    info: Any = await valkey.command("INFO", "commandstats")
    return sum(
        int(stats["calls"]) for name, stats in info.items() if name.startswith("cmdstat_eval")
    )
