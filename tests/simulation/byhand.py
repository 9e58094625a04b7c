"""What a person does to the app past Flygate."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Collection

from flygate.rollout.state import LIVE, ROLE_KEY

from tests.simulation.world import World

_SECONDS = 5.0


async def restart(world: World, ids: Collection[str]) -> None:
    """What Flygate said to type, for those machines that are of a release that stands."""
    for machine in world.app.living:
        if machine.id in ids and machine.metadata.get(ROLE_KEY) == LIVE and machine.answers:
            world.note("by hand", f"restart {machine.name}")
            world.is_maimed = True
            machine.restart()
            await machine.until(lambda one=machine: one.answers, _SECONDS)  # type: ignore[misc]


async def meddle(world: World, choice: int) -> None:
    """One deed to one machine, or to the app's secrets.

    Args:
        choice: which.
    """
    world.is_maimed = world.was_maimed = True
    machines = world.app.living
    if not machines:
        return
    machine = machines[choice % len(machines)]
    match choice % 5:
        case 0:
            machine.stop()
        case 1:
            machine.route(is_in=False)
        case 2:
            machine.destroy()
        case 3:
            world.has_foreign_values = True
            world.fly.set_secrets(world.app, {"KEY": f"by-hand-{choice}"})
        case _:
            config = copy.deepcopy(machine.config)
            config["env"]["GREETING"] = "by hand"
            machine.update(config)
    world.note("by hand", f"{machine.name}: {choice % 5}")
    await asyncio.sleep(_SECONDS)
