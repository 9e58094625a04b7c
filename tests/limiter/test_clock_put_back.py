"""A clock that is put back: in every store a client waits no longer than its quota can owe."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from flygate_limiter import (
    SLIDING_WINDOW,
    TOKEN_BUCKET,
    Algorithm,
    Charge,
    Decision,
    FakeClock,
    Key,
    MemoryStore,
    Quota,
    bucket,
)
from flygate_limiter.quota import NANOS
from flygate_limiter.redis.denials import Denials
from flygate_limiter.redis.store import RedisStore

from tests.support.valkey import Valkey

QUOTA = Quota.parse("5/m")
KEY: Key = ("policy", "client")
HOUR = 3_600


class InMemory:
    """A store in this process, whose clock tests set."""

    def __init__(self, algorithm: Algorithm) -> None:
        self.clock = FakeClock(7_200 * NANOS)
        self.store: Any = MemoryStore(clock=self.clock, algorithm=algorithm)

    async def put_back(self, seconds: int) -> None:
        """Put the clock back."""
        self.clock.advance(seconds=-seconds)


class InRedis:
    """A store in a real server. Its clock is the system's, so that instants in it are put on."""

    def __init__(self, server: Valkey, algorithm: Algorithm) -> None:
        self.server = server
        self.store: Any = RedisStore(
            server.url, b"secret", 5, denials=Denials(FakeClock(), 0), algorithm=algorithm
        )

    async def put_back(self, seconds: int) -> None:
        """Write all states as they would be on a server whose clock was right before."""
        for key in await self.server.command("KEYS", "*"):
            first, *counts = str(await self.server.command("GET", key)).split()
            ahead = seconds * NANOS if not counts else seconds // 60
            value = " ".join([str(int(first) + ahead), *counts])
            left = int(await self.server.command("PTTL", key)) + seconds * 1_000
            await self.server.command("SET", key, value, "PX", left)


World = InMemory | InRedis


@pytest.fixture(params=["bucket", "window", "redis bucket", "redis window"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """Each kind of store, with each algorithm."""
    algorithm = SLIDING_WINDOW if request.param.endswith("window") else TOKEN_BUCKET
    if not request.param.startswith("redis"):
        yield InMemory(algorithm)
        return
    server = Valkey(tmp_path)
    await server.start()
    found = InRedis(server, algorithm)
    yield found
    await found.store.aclose()
    await server.kill()


async def ask(world: World, cost: int = 1) -> Decision:
    """One request."""
    decision: Decision = (await world.store.take([Charge(KEY, QUOTA, cost)])).decisions[0]
    return decision


@pytest.mark.integration
@pytest.mark.parametrize("seconds", [2, 61, HOUR, 30 * 24 * HOUR])
async def test_no_client_waits_for_the_clock(world: World, seconds: int) -> None:
    """A client that was refused for seconds still is, not for an hour, and has gained nothing."""
    while (before := await ask(world)).allowed:
        pass

    await world.put_back(seconds)
    after, seen = await ask(world), await world.store.peek(KEY, QUOTA)

    assert not after.allowed
    longest = QUOTA.period_ns + QUOTA.emission_ns
    assert 0 < after.wait_ns <= max(before.wait_ns + NANOS, longest)
    assert seen.owed_ns <= QUOTA.capacity_ns + min(seconds * NANOS, QUOTA.emission_ns)


@pytest.mark.integration
async def test_what_is_given_back_counts_from_now(world: World) -> None:
    """A refund after the clock was put back is worth its units."""
    while (await ask(world)).allowed:
        pass
    await world.put_back(HOUR)

    await world.store.give_back(Charge(KEY, QUOTA, 3))

    assert (await ask(world, 2)).allowed


@pytest.mark.integration
async def test_a_block_stays(world: World) -> None:
    """An operator's block, or a lock, is longer than any quota, and no clock lifts it."""
    for seconds in (600, 7_200):
        owed = bucket.blocked_until(seconds * NANOS, QUOTA)
        await world.store.owe(KEY, QUOTA, owed)
        await world.store.give_back(Charge(KEY, QUOTA, 3))
        await world.put_back(HOUR)

        refused = await ask(world)

        assert not refused.allowed
        assert refused.wait_ns > (seconds - 120) * NANOS
    assert await world.store.reset(KEY)
    assert (await ask(world)).allowed
