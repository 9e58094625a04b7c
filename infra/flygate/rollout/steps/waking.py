"""Starting a machine that was stopped or suspended, and waiting until it is well."""

from __future__ import annotations

import asyncio
import time

from flygate.fly.errors import MachineStateError, WaitTimeoutError
from flygate.rollout.world import World

STOP_SECONDS = 60
WAKE_SECONDS = 15
# Get Machine is limited to 5 requests a second for each machine.
POLL_SECONDS = 0.25


async def comes_up(world: World, machine_id: str) -> bool:
    """Start a machine that rests; True once its checks pass."""
    try:
        await start(world, machine_id)
    except (MachineStateError, WaitTimeoutError):
        return False
    return await _checks_pass(world, machine_id)


async def start(world: World, machine_id: str) -> None:
    """Start a machine, whatever it is doing now.

    Raises:
        MachineStateError, WaitTimeout: it does not start.
    """
    machine = await world.fly.machine(world.app, machine_id)
    if machine.state == "stopping":
        await world.fly.wait(world.app, machine_id, "stopped", STOP_SECONDS)
    if machine.state not in {"created", "starting", "started"}:  # these come up by themselves
        await world.fly.start(world.app, machine_id)
    if machine.state != "started":
        await world.fly.wait(world.app, machine_id, "started", WAKE_SECONDS)


async def _checks_pass(world: World, machine_id: str) -> bool:
    """Wait until a started machine is well; what is retired next may be all that serves."""
    deadline = time.monotonic() + WAKE_SECONDS
    while time.monotonic() < deadline:
        machine = await world.fly.machine(world.app, machine_id)
        if machine.state not in {"started", "starting"}:
            return False
        if machine.state == "started" and all(c.status == "passing" for c in machine.checks):
            return True
        await asyncio.sleep(POLL_SECONDS)
    return False
