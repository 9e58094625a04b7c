"""Looking at one machine until it is in a wanted state."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from flygate.fly.client import FlyClient
from flygate.fly.models import Machine
from flygate.system.polling import poll

# Get Machine is limited to 5 requests a second for each machine.
POLL_SECONDS: Final = 0.25


async def watch(
    fly: FlyClient,
    app: str,
    machine_id: str,
    is_wanted: Callable[[Machine], bool],
    within: float = math.inf,
) -> Machine:
    """Return the machine once it is as wanted, or as it is when the time is up.

    Args:
        within: seconds.
    """

    async def look() -> Machine:
        return await fly.machine(app, machine_id)

    return await poll(look, is_wanted, every=POLL_SECONDS, within=within)
