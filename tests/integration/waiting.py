"""Waits for what another process does: until a condition holds, never for a fixed time."""

import asyncio
from collections.abc import Awaitable, Callable

from flygate_limiter import Charge, Source, Store, parse


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = 20) -> None:
    """Ask again and again until it holds.

    Raises:
        TimeoutError: it did not.
    """
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110 - it is another process
            await asyncio.sleep(0.02)


async def until_redis_decides(store: Store) -> None:
    """Wait until a guarded store asks its Redis again: after a short outage that is soon."""

    async def decides() -> bool:
        taken = await store.take([Charge(("test", "probe"), parse("1000/s"))])
        return taken.source is Source.REDIS

    await until(decides, seconds=8)
