"""What somebody does to the app past Flygate."""

from __future__ import annotations

import asyncio
import copy

from tests.simulation.world import World

_SECONDS = 5.0


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
            world.fly.set_secrets(world.app, {"KEY": f"by-hand-{choice}"})
        case _:
            config = copy.deepcopy(machine.config)
            config["env"]["GREETING"] = "by hand"
            machine.update(config)
    world.note("by hand", f"{machine.name}: {choice % 5}")
    await asyncio.sleep(_SECONDS)
