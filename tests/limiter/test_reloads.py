"""What becomes of clients when policies change, and of those whom an operator has blocked."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.limiter import (
    FakeClock,
    GuardedStore,
    Limiter,
    MemoryStore,
    PolicySet,
    Request,
    Verdict,
    keyed_fingerprint,
    parse,
    read_policies,
)
from service.limiter.denials import Denials
from service.limiter.quota import NANOS
from service.limiter.store.redis import RedisStore
from tests.support.valkey import Valkey

CLIENT = "192.0.2.1"
SECRET = b"for tests"
DAY = 86_400


class World:
    """Machines with one clock, and with a store in common or one of their own."""

    def __init__(self, storage: str, url: str) -> None:
        """No machine yet. Expiry runs by the server's clock: this one is ahead."""
        self.clock = FakeClock(now=4_000_000_000 * NANOS)
        self._storage = storage
        self._url = url
        self._stores: dict[Limiter, MemoryStore | GuardedStore] = {}

    def machine(self, quota: str) -> Limiter:
        """One that has just begun."""
        memory = MemoryStore(clock=self.clock, fingerprint=keyed_fingerprint(SECRET))
        store: MemoryStore | GuardedStore = memory
        if self._storage == "redis":
            denials = Denials(self.clock, 0)
            redis = RedisStore(self._url, SECRET, 5, self.clock, denials)
            store = GuardedStore(redis, memory, clock=self.clock)
        made = Limiter(policies(quota), store, clock=self.clock)
        self._stores[made] = store
        return made

    async def hand_over(self, old: Limiter, new: Limiter) -> None:
        """What a machine that stops gives to one that has begun."""
        if self._storage == "memory":
            async for snapshot in self._stores[old].export():
                await self._stores[new].restore(snapshot)

    async def aclose(self) -> None:
        """Close the connections."""
        for store in self._stores.values():
            await store.aclose()


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.integration)])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """On each kind of store."""
    valkey = Valkey(tmp_path)
    if request.param == "redis":
        await valkey.start()
    made = World(request.param, valkey.url)
    yield made
    await made.aclose()
    await valkey.kill()


def policies(quota: str = "5/h", more: str = "") -> PolicySet:
    """A policy, or none if there is no quota."""
    if not quota:
        return PolicySet(())
    return read_policies(f'[[policy]]\nname = "default"\nquota = "{quota}"\n{more}')


async def passed(limiter: Limiter, times: int = 20) -> int:
    """How many of a client's requests are let through."""
    return sum([(await limiter.check(Request(CLIENT))).allowed for _ in range(times)])


@pytest.mark.parametrize(
    ("quotas", "more"),
    [
        (["6/h", "7/h"], 2),
        (["6/h", "7/h", "8/h", "7/h"], 2),
        (["", "5/h"], 0),
        (["", "6/h"], 1),
        (["6/h", "", "7/h"], 2),
        (["6/h", "5/h"], 0),
        (["3/h", "5/h"], 0),
    ],
    ids=str,
)
async def test_any_number_of_reloads(world: World, quotas: list[str], more: int) -> None:
    """Who is exhausted gets no more than the last quota is larger, whatever lies between."""
    machine = world.machine("5/h")
    assert await passed(machine) == 5

    for quota in quotas:
        machine.replace(policies(quota))

    assert await passed(machine) == more


@pytest.mark.integration
async def test_a_reload_frees_nobody_elsewhere(valkey: Valkey) -> None:
    """What a machine that was reloaded does leaves the buckets of the others as they are."""
    world = World("redis", valkey.url)
    one, other = world.machine("5/h"), world.machine("5/h")
    assert await passed(other, 3) == 3
    one.replace(policies("6/h"))

    found = [(await passed(one, 1), await passed(other, 1)) for _ in range(20)]

    assert sum(here for here, _ in found) == 6 - 3
    assert sum(there for _, there in found) == 5 - 3
    await world.aclose()


async def test_operators_see_the_bucket_that_is_meant(world: World) -> None:
    """After a reload a look and a reset are about what the client has, before it comes again."""
    machine = world.machine("5/h")
    await passed(machine)
    machine.replace(policies("10/h"))

    assert (await machine.peek("default", CLIENT)).remaining == 5

    machine.replace(policies("20/h"))
    assert await machine.reset("default", CLIENT)
    assert (await machine.peek("default", CLIENT)).remaining == 20
    assert await passed(machine, 25) == 20


@pytest.mark.parametrize("quota", ["5/h", "600/m burst 100", "2/d"])
async def test_a_block_outlives_reloads(world: World, quota: str) -> None:
    """It ends when it says, to the second, and not when a quota changes."""
    machine = world.machine("5/h")
    await passed(machine, 1)
    await machine.block("default", CLIENT, DAY)
    assert (await machine.peek("default", CLIENT)).retry_after_seconds == DAY

    machine.replace(policies(""))
    machine.replace(policies(quota))
    world.clock.advance(seconds=DAY / 2)
    refused = await machine.check(Request(CLIENT))
    assert not refused.allowed
    assert refused.retry_after_seconds == DAY / 2
    assert (await machine.check(Request("192.0.2.2"))).allowed

    world.clock.advance(seconds=DAY / 2 - 1)
    assert await passed(machine, 3) == 0
    world.clock.advance(seconds=1)
    assert (await machine.check(Request(CLIENT))).allowed


async def test_a_block_outlives_its_machine(world: World) -> None:
    """A new machine, of another quota, that has taken over keeps it; until somebody ends it."""
    old = world.machine("5/h")
    await old.block("default", CLIENT, DAY)
    new = world.machine("600/m")
    await world.hand_over(old, new)

    assert await passed(new) == 0

    assert await new.reset("default", CLIENT)
    assert not await new.reset("default", CLIENT)
    assert (await new.check(Request(CLIENT))).allowed


async def test_a_block_reaches_machines_of_other_quotas(valkey: Valkey) -> None:
    """With Redis it is noticed within a second by those who count the client otherwise."""
    world = World("redis", valkey.url)
    one, other = world.machine("5/h"), world.machine("6/h")
    assert await passed(one, 1) == await passed(other, 1) == 1

    await one.block("default", CLIENT, DAY)
    world.clock.advance(seconds=1)

    assert await passed(one) == await passed(other) == 0
    await world.aclose()


async def test_a_block_holds_without_redis(valkey: Valkey) -> None:
    """Where Redis can't be asked, this machine remembers whom it refused."""
    world = World("redis", valkey.url)
    machine = world.machine("5/h")
    await machine.block("default", CLIENT, DAY)
    machine.replace(policies("600/m"))
    await valkey.kill()

    assert await passed(machine, 5) == 0
    await world.aclose()


@pytest.mark.parametrize(("live", "candidate"), [("2/m", "5/m"), ("5/m", "2/m"), ("3/h", "3/m")])
async def test_a_candidate_counts_as_if_alone(world: World, live: str, candidate: str) -> None:
    """It denies what it alone would deny, whatever the live quota says of the same requests."""
    machine = world.machine(live)
    machine.replace(policies(live, f'candidate = "{candidate}"'))
    alone = MemoryStore(clock=world.clock)
    found, expected = [], []
    for _ in range(12):
        world.clock.advance(seconds=5)
        found.append(_would_deny(await machine.check(Request(CLIENT))))
        expected.append(not alone.take_one(("alone", ""), parse(candidate)).allowed)

    assert found == expected
    assert True in found


async def test_a_refusal_that_is_remembered_still_counts_for_the_candidate(valkey: Valkey) -> None:
    """A client that Redis denied a moment ago is not asked for there, but its candidate is."""
    clock = FakeClock(now=4_000_000_000 * NANOS)
    store = RedisStore(valkey.url, SECRET, 5, clock, Denials(clock))
    machine = Limiter(policies("1/m", 'candidate = "3/m"'), store, clock=clock)

    denied = [_would_deny(await machine.check(Request(CLIENT))) for _ in range(5)]

    await store.aclose()
    assert denied == [False, False, False, True, True]


def _would_deny(verdict: Verdict) -> bool:
    [candidate] = [decision for policy, decision in verdict.results if "candidate" in policy.name]
    return not candidate.allowed


acts = st.one_of(
    st.tuples(st.just("ask"), st.integers(1, 8)),
    st.tuples(st.just("reload"), st.sampled_from(["", "3/m", "5/m", "4/2m", "6/m burst 2"])),
    st.tuples(st.just("wait"), st.integers(1, 90)),
    st.tuples(st.just("block"), st.integers(1, 90)),
    st.tuples(st.just("free"), st.just(0)),
)


@settings(max_examples=100)
@given(trace=st.lists(acts, max_size=25))
async def test_nobody_gets_more_than_the_largest_quota(trace: list[tuple[str, Any]]) -> None:
    """Whatever is done in whatever order, and nobody who is blocked is served."""
    clock = FakeClock()
    machine = Limiter(policies("5/m"), MemoryStore(clock=clock), clock=clock)
    served: list[int] = []  # since the last full bucket that an operator gave
    blocked_until = 0
    for act, value in trace:
        if act == "ask" and machine.policies.policies:
            passes = await passed(machine, value)
            assert not passes or clock.now() >= blocked_until
            served += [clock.now()] * passes
        elif act == "reload":
            machine.replace(policies(value))
        elif act == "wait":
            clock.advance(seconds=value)
        elif act == "block" and machine.policies.policies:
            await machine.block("default", CLIENT, value)
            blocked_until = max(blocked_until, clock.now() + value * NANOS)
        elif act == "free" and machine.policies.policies:
            await machine.reset("default", CLIENT)
            served, blocked_until = [], 0
    assert _most_above(served, burst=5, per_minute=6) <= 0


def _most_above(served: list[int], burst: int, per_minute: int) -> int:
    """By how much any stretch of time had more than a quota gives in it."""
    return max(
        (
            count - burst - (ended - began) * per_minute // (60 * NANOS)
            for first, began in enumerate(served)
            for count, ended in enumerate(served[first:], 1)
        ),
        default=0,
    )
