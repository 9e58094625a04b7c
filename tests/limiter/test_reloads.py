"""Clients whose policies change, and clients that an operator has blocked."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from flygate_limiter import (
    SLIDING_WINDOW,
    TOKEN_BUCKET,
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
from flygate_limiter.quota import NANOS
from flygate_limiter.redis.denials import Denials
from flygate_limiter.redis.store import RedisStore
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.valkey import Valkey

CLIENT = "192.0.2.1"
SECRET = b"for tests"
DAY = 86_400


class World:
    """Machines with one clock, and with a common store or one for each."""

    def __init__(self, storage: str, url: str, is_window: bool = False) -> None:
        """No machine yet. Expiry runs by the server's clock: this one is ahead."""
        self._algorithm = SLIDING_WINDOW if is_window else TOKEN_BUCKET
        self.clock = FakeClock(now=4_000_000_000 * NANOS)
        self._storage = storage
        self._url = url
        self._stores: dict[Limiter, MemoryStore | GuardedStore] = {}

    def machine(self, quota: str) -> Limiter:
        """One that has just begun."""
        names, algorithm = keyed_fingerprint(SECRET), self._algorithm
        memory = MemoryStore(clock=self.clock, fingerprint=names, algorithm=algorithm)
        store: MemoryStore | GuardedStore = memory
        if self._storage == "redis":
            denials = Denials(self.clock, 0)
            redis = RedisStore(self._url, SECRET, 5, self.clock, denials, algorithm)
            store = GuardedStore(redis, memory, clock=self.clock)
        made = Limiter(policies(quota), store, clock=self.clock)
        self._stores[made] = store
        return made

    async def hand_over(self, old: Limiter, new: Limiter) -> None:
        """What a machine that stops gives to one that has begun."""
        if self._storage == "memory":
            async for snapshot in self._stores[old].export():
                await self._stores[new].restore(snapshot)
            new.quotas.learn(old.quotas.notices())

    async def aclose(self) -> None:
        """Close the connections."""
        for store in self._stores.values():
            await store.aclose()


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.integration)])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """On each kind of store."""
    async with _begun(request.param, tmp_path) as made:
        yield made


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.integration)])
async def windows(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """The same, which count by sliding windows."""
    async with _begun(request.param, tmp_path, is_window=True) as made:
        yield made


@asynccontextmanager
async def _begun(storage: str, directory: Path, is_window: bool = False) -> AsyncIterator[World]:
    valkey = Valkey(directory)
    if storage == "redis":
        await valkey.start()
    made = World(storage, valkey.url, is_window)
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
    """An exhausted client gets only what the last quota is larger by, whatever lies between."""
    machine = world.machine("5/h")
    assert await passed(machine) == 5

    for quota in quotas:
        machine.replace(policies(quota))

    assert await passed(machine) == more


@pytest.mark.parametrize(
    ("quotas", "more"),
    [
        (["1/m burst 60", "1/m burst 10"], 0),
        (["5/h", "7/h"], 2),
        (["5/h", "7/h", "5/h"], 0),
        (["5/h", "60/m burst 2", "5/h"], 0),
        (["60/m burst 5", "5/d"], 0),
    ],
    ids=str,
)
async def test_a_release_frees_no_client(world: World, quotas: list[str], more: int) -> None:
    """A machine with another quota that takes over gives no more than its is larger."""
    machine = world.machine(quotas[0])
    most = parse(quotas[0]).burst
    assert await passed(machine, most + 11) == most

    for quota in quotas[1:]:
        old, machine = machine, world.machine(quota)
        await world.hand_over(old, machine)
        last = await passed(machine, most + 11)

    assert last == more


async def test_a_smaller_burst_in_between_gives_no_second_one(world: World) -> None:
    """A client that was exhausted stays so by a smaller quota and by the large one again."""
    machine = world.machine("5/m")
    assert await passed(machine) == 5

    for quota in ("6/m burst 2", "5/m", "6/m burst 2", "5/m"):
        machine.replace(policies(quota))
        assert await passed(machine) == 0


async def test_a_quota_that_none_has_is_forgotten(world: World) -> None:
    """Once a bucket of it is full, however often machines notify each other of it."""
    one, other = world.machine("5/m"), world.machine("6/m")
    await passed(one, 1)
    await passed(other, 1)
    await world.hand_over(one, other)
    one.replace(policies("6/m"))
    assert one.quotas.known
    assert other.quotas.known

    for _ in range(80):
        world.clock.advance(seconds=1)
        for machine, peer in ((one, other), (other, one)):
            await passed(machine, 1)
            await world.hand_over(peer, machine)
    await passed(one, 1)
    await passed(other, 1)

    assert not one.quotas.known
    assert not other.quotas.known


async def test_what_is_carried_over_is_so_once(world: World) -> None:
    """A slow former quota does not slow the new one down: a client waits as that one says."""
    machine = world.machine("5/d")
    await passed(machine)
    machine.replace(policies("60/m burst 5"))
    assert await passed(machine) == 0
    world.clock.advance(seconds=3)
    await passed(machine)

    found = []
    for _ in range(5):
        world.clock.advance(seconds=1)
        found.append(await passed(machine, 2))

    assert found == [1] * 5


async def test_a_slow_quota_that_comes_later_is_carried_over_once(world: World) -> None:
    """A client that is slow enough for each of the quotas is never refused, in any order."""
    await _ask_seldom(world, "5/m", 11)


async def test_a_slow_quota_that_comes_later_is_carried_over_once_by_windows(
    windows: World,
) -> None:
    """The same where a window's length decides how its state is read."""
    await _ask_seldom(windows, "6/m", 12)


async def _ask_seldom(world: World, quick: str, seconds: int) -> None:
    machine = world.machine("7/m")
    for quota in (quick, "40/h", quick, "40/h", quick):
        machine.replace(policies(quota))
        for _ in range(5):
            assert await passed(machine, 1) == 1, f"{quota} at {world.clock.now()}"
            world.clock.advance(seconds=seconds)


@pytest.mark.integration
async def test_a_reload_frees_no_client_elsewhere(valkey: Valkey) -> None:
    """Machines of two quotas give a client together no more than the larger one."""
    world = World("redis", valkey.url)
    one, other = world.machine("5/h"), world.machine("5/h")
    assert await passed(other, 3) == 3
    one.replace(policies("6/h"))

    found = [(await passed(one, 1), await passed(other, 1)) for _ in range(20)]

    assert sum(here + there for here, there in found) == 6 - 3
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
    """A new machine, of another quota, that has taken over keeps it, until an operator ends it."""
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
    """Where Redis can't be asked, this machine remembers the clients that it refused."""
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


QUOTAS = ["5/m", "3/m", "4/2m", "6/m burst 2", "2/m burst 8"]
acts = st.one_of(
    st.tuples(st.just("ask"), st.integers(1, 10)),
    st.tuples(st.just("reload"), st.sampled_from(["", *QUOTAS])),
    st.tuples(st.just("restart"), st.sampled_from(QUOTAS)),
    st.tuples(st.just("wait"), st.integers(1, 90)),
    st.tuples(st.just("block"), st.integers(1, 90)),
    st.tuples(st.just("free"), st.just(0)),
)
traces = st.lists(st.tuples(st.integers(0, 2), acts), max_size=25)


class Fleet:
    """Some machines, one client, and what it got."""

    def __init__(self, world: World, count: int) -> None:
        """All with one quota. With memory the client is at one machine, with its limits."""
        self._world = world
        self._machines = [world.machine("5/m") for _ in range(count)]
        self._at = 0
        self._blocked_until = 0
        self._served: list[int] = []  # since the last full bucket that an operator gave
        self._quotas = ["5/m"]

    async def do(self, place: int, act: str, value: Any) -> None:
        """Something at a machine, by its name."""
        at = place % len(self._machines)
        await getattr(self, f"_{act}")(at, value)

    def most_above(self) -> int:
        """By how much the client had more than the largest and quickest of the quotas gives."""
        quotas = [parse(quota) for quota in self._quotas if quota]
        burst = max(quota.burst for quota in quotas)
        per_minute = max(60 * NANOS // quota.emission_ns for quota in quotas)
        return _most_above(self._served, burst, per_minute)

    async def _ask(self, at: int, times: int) -> None:
        machine = await self._move(at)
        if not machine.policies.policies:
            return
        passes = await passed(machine, times)
        now = self._world.clock.now()
        assert not passes or now >= self._blocked_until
        self._served += [now] * passes
        assert self.most_above() <= 0

    async def _reload(self, at: int, quota: str) -> None:
        self._machines[at].replace(policies(quota))
        self._quotas.append(quota)

    async def _restart(self, at: int, quota: str) -> None:
        old, new = self._machines[at], self._world.machine(quota)
        await self._world.hand_over(old, new)
        self._machines[at] = new
        self._quotas.append(quota)

    async def _wait(self, _: int, seconds: int) -> None:
        self._world.clock.advance(seconds=seconds)

    async def _block(self, at: int, seconds: int) -> None:
        machine = await self._move(at)
        if machine.policies.policies:
            await machine.block("default", CLIENT, seconds)
            until = self._world.clock.now() + seconds * NANOS
            self._blocked_until = max(self._blocked_until, until)
            self._world.clock.advance(seconds=1)  # then all know it

    async def _free(self, at: int, _: int) -> None:
        machine = await self._move(at)
        if machine.policies.policies:
            await machine.reset("default", CLIENT)
            self._served, self._blocked_until = [], 0
            in_force = [policy for each in self._machines for policy in each.policies.policies]
            self._quotas = [str(policy.quota) for policy in in_force]

    async def _move(self, at: int) -> Limiter:
        if at != self._at:
            await self._world.hand_over(self._machines[self._at], self._machines[at])
            self._at = at
        return self._machines[at]


@settings(max_examples=100)
@given(count=st.integers(1, 3), trace=traces)
async def test_no_client_gets_more_than_the_largest_quota(
    count: int, trace: list[tuple[int, tuple[str, Any]]]
) -> None:
    """After any acts in any order on up to three machines; a blocked client is not served."""
    await _live(World("memory", ""), count, trace)


@pytest.mark.integration
@settings(max_examples=15)
@given(count=st.integers(1, 3), trace=traces)
async def test_no_client_gets_more_than_the_largest_quota_of_a_redis(
    valkey: Valkey, count: int, trace: list[tuple[int, tuple[str, Any]]]
) -> None:
    """Nor where the machines count together, and each may be reloaded by itself."""
    await valkey.command("FLUSHALL")
    await _live(World("redis", valkey.url), count, trace)


async def _live(world: World, count: int, trace: list[tuple[int, tuple[str, Any]]]) -> None:
    fleet = Fleet(world, count)
    for place, (act, value) in trace:
        await fleet.do(place, act, value)
    await world.aclose()


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
