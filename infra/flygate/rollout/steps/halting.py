"""Stopping a machine before it is destroyed: it hands its clients' limits to the others."""

from __future__ import annotations

import contextlib

from flygate.fly.errors import FlyError
from flygate.rollout.steps.waking import STOP_SECONDS
from flygate.rollout.world import World


async def halt(world: World, machine_id: str) -> None:
    """Stop a cordoned machine that has served; one that can't be stopped is destroyed as it is."""
    with contextlib.suppress(FlyError):
        await world.fly.stop(world.app, machine_id)
        await world.fly.wait(world.app, machine_id, "stopped", STOP_SECONDS)
