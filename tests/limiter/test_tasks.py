"""The two tasks that the library starts: each has an owner, which cancels it when it is closed."""

import asyncio
import socket

import pytest
from flygate_limiter import (
    Charge,
    GuardedStore,
    MemoryStore,
    Snapshot,
    Source,
    StoreUnavailableError,
    parse,
)
from flygate_limiter.redis.store import RedisStore

CHARGES = [Charge(("test", "a"), parse("5/m"))]


async def others() -> set[asyncio.Task[object]]:
    """The tasks that are there besides the test."""
    await asyncio.sleep(0)
    return asyncio.all_tasks() - {asyncio.current_task()}


async def test_closing_a_guarded_store_ends_its_probe() -> None:
    """A primary that hangs while it is restored keeps no task alive."""

    class Hanging(MemoryStore):
        async def restore(self, snapshot: Snapshot) -> int:
            return await asyncio.Event().wait()

    store = GuardedStore(Hanging(), MemoryStore())
    store.breaker.open()
    async with asyncio.timeout(10):
        while not await others():
            taken = await store.take(CHARGES)
            assert taken.source is Source.FAIR_SHARE
            await asyncio.sleep(0.05)

    await store.aclose()

    assert not await others()


async def test_closing_a_store_in_redis_ends_its_connecting() -> None:
    """A server that accepts and never answers keeps no task alive."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        store = RedisStore(f"redis://127.0.0.1:{server.getsockname()[1]}", b"secret", 0.05)
        with pytest.raises(StoreUnavailableError):
            await store.take(CHARGES)
        assert await others()

        await store.aclose()

    assert not await others()
