"""A rollout whose record at Fly, once there is one, tells what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from flygate.fly.errors import FlyError
from flygate.rollout.errors import RolloutHeldError
from flygate.rollout.execution import Execution
from flygate.rollout.steps.record import SECONDS_MAX
from flygate.system.shielding import shielded


@asynccontextmanager
async def recorded(world: Execution) -> AsyncIterator[None]:
    """Close the record that the body opens; going on with what was held is a record of its own."""
    try:
        yield
    except BaseException as exc:
        reason = world.journal.redact(str(exc)).partition("\n")[0]
        status = "interrupted" if isinstance(exc, RolloutHeldError) else "failed"
        await shielded(_close(world, status, reason))
        raise
    await shielded(_close(world, "complete"))


async def _close(world: Execution, status: str, reason: str = "") -> None:
    if world.record is None:
        return
    try:
        await asyncio.wait_for(world.fly.records.end(world.record, status, reason), SECONDS_MAX)
    except (FlyError, TimeoutError) as exc:
        text = f"`fly releases` is not up to date: {str(exc) or type(exc).__name__}"
        world.journal.write("warning", "record", text)
