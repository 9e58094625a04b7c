"""The Redis store on a real server: it decides as memory does, for all machines together."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.limiter import (
    Charge,
    FakeClock,
    Key,
    MemoryStore,
    Source,
    StoreUnavailable,
    bucket,
    parse,
)
from service.limiter.denials import Denials
from service.limiter.quota import NANOS
from service.limiter.store.redis import SCRIPT, RedisStore
from tests.support.valkey import Valkey

pytestmark = pytest.mark.integration

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text())
SECRET = b"for tests"
SLOW = parse("5/h")


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
    """Lua gives the answers of the table that it shares with Python."""
    for vector in VECTORS:
        quota = parse(vector["quota"])
        await valkey.command("FLUSHALL")
        await valkey.command("SET", "b", _time(vector["tat"]))

        over, owed = await _run(
            valkey,
            _time(vector["now"]),
            [0, vector["cost"] * quota.emission_ns, quota.capacity_ns, 1],
        )

        assert (over == 0) == vector["allowed"], vector["name"]
        assert owed == vector["owed_ns"], vector["name"]
        if vector["wait_ns"] >= 0:
            assert over == vector["wait_ns"], vector["name"]
        if vector["cost"] and vector["allowed"]:
            kept = await valkey.command("GET", "b")
            assert kept == _time(vector["tat_after"]), vector["name"]


@settings(max_examples=40)
@given(
    trace=st.lists(
        st.tuples(
            st.lists(
                st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 4), st.booleans()),
                min_size=1,
                max_size=3,
                unique_by=lambda charge: charge[:2],
            ),
            st.integers(0, 2 * NANOS),
        ),
        max_size=25,
    )
)
async def test_decides_as_memory_does(
    valkey: Valkey, trace: list[tuple[list[tuple[int, int, int, bool]], int]]
) -> None:
    """For any trace of requests under several policies, memory and Redis answer the same."""
    await valkey.command("FLUSHALL")
    clock = FakeClock(now=1_700_000_000 * NANOS)
    quotas = [parse("2/s burst 3"), parse("7/s"), parse("5/m")]
    memory = MemoryStore(clock=clock)
    redis = RedisStore(valkey.url, SECRET, 5, clock=clock, denials=Denials(clock, 0))
    try:
        for asked, gap in trace:
            clock.advance(gap)
            charges = [
                Charge((f"p{policy}", str(client)), quotas[policy], cost, binding)
                for client, policy, cost, binding in asked
            ]
            expected = memory.take_now(charges)
            # Expiry runs by the server's clock, so it must not be what decides.
            assert (await redis.take(charges)).decisions == expected
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


async def test_a_denied_client_costs_redis_nothing(valkey: Valkey, store: RedisStore) -> None:
    """What was refused a moment ago is refused here, with the wait counting down."""
    for _ in range(6):
        last = await store.take([Charge(key("a"), SLOW)])
    before = await _calls(valkey)

    answers = [await store.take([Charge(key("a"), SLOW)]) for _ in range(50)]

    assert await _calls(valkey) == before
    assert {taken.source for taken in answers} == {Source.DENY_CACHE}
    assert answers[-1].decisions[0].wait_ns < last.decisions[0].wait_ns


async def test_nobody_can_be_read_in_redis(valkey: Valkey, store: RedisStore) -> None:
    """Neither addresses nor names are in Redis, and all keys share a hash tag and expire."""
    await store.take([Charge(("login", "ada@example.org"), SLOW)])
    keys = await valkey.command("KEYS", "*")
    assert isinstance(keys, list)

    assert len(keys) == 1
    assert keys[0].startswith("{flygate}:")
    assert "ada" not in keys[0]
    assert 0 < int(str(await valkey.command("PTTL", keys[0]))) <= 720_001


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
    with pytest.raises(StoreUnavailable):
        await store.take([Charge(key("a"), SLOW)])
    await valkey.start()

    assert (await store.take([Charge(key("a"), SLOW)])).decisions[0].remaining == 4


async def test_a_reset_reaches_the_denied(store: RedisStore) -> None:
    """After a reset the refusal is not remembered here."""
    for _ in range(6):
        await store.take([Charge(key("a"), SLOW)])
    await store.reset(key("a"))

    assert (await store.take([Charge(key("a"), SLOW)])).decisions[0].allowed


def _time(nanoseconds: int) -> str:
    return "{}:{}".format(*divmod(nanoseconds, NANOS))


async def _run(valkey: Valkey, now: str, charge: list[int]) -> list[int]:
    answer: Any = await valkey.command("EVAL", SCRIPT, 1, "b", now, *charge)
    return [int(number) for number in answer]


async def _calls(valkey: Valkey) -> int:
    info: Any = await valkey.command("INFO", "commandstats")
    return sum(
        int(stats["calls"]) for name, stats in info.items() if name.startswith("cmdstat_eval")
    )
