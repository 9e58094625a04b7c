"""A rollout with its record at Fly around it, for `fly releases` and `fly status`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from infra.fly.errors import FlyError
from infra.rollout.errors import RolloutHeld
from infra.rollout.target import Target
from infra.rollout.undisturbed import undisturbed
from infra.rollout.world import World

# Nobody waits longer for what only informs.
SECONDS_MAX = 10.0
Result = TypeVar("Result")


@asynccontextmanager
async def recorded(world: World) -> AsyncIterator[None]:
    """Open a record, which the machines will name, and close it with what became of the body.

    Going on with a rollout that was held is a record of its own. Records are advisory: that
    Fly does not take one fails nothing.
    """
    target = world.target
    world.record = await _tried(
        world.fly.records.begin(
            world.app, target.manifest.image, target.strategy, _definition(target)
        ),
        world,
    )
    try:
        yield
    except BaseException as exc:
        reason = world.journal.redact(str(exc).partition("\n")[0])
        await _end(world, "interrupted" if isinstance(exc, RolloutHeld) else "failed", reason)
        raise
    await _end(world, "complete")


async def _end(world: World, status: str, reason: str = "") -> None:
    if world.record:
        await undisturbed(_tried(world.fly.records.end(world.record, status, reason), world))


async def _tried(call: Coroutine[Any, Any, Result], world: World) -> Result | None:
    try:
        return await asyncio.wait_for(call, SECONDS_MAX)
    except (FlyError, TimeoutError, LookupError, ValueError) as exc:
        text = f"`fly releases` is not up to date: {str(exc) or type(exc).__name__}"
        world.journal.write("warning", "record", text)
        return None


def _definition(target: Target) -> dict[str, Any]:
    """The part of a fly.toml that a later flyctl command could want to read."""
    manifest = target.manifest
    return {
        "app": manifest.app,
        "primary_region": manifest.regions[0],
        "deploy": {"strategy": target.strategy},
        "env": dict(manifest.env),
    }
