"""Stopping a machine before it is destroyed: it hands its clients' limits to the others."""

from __future__ import annotations

import contextlib
from typing import Final

from flygate.fly.client import FlyClient
from flygate.fly.errors import FlyError

STOP_SECONDS: Final = 60


async def halt(fly: FlyClient, app: str, machine_id: str) -> None:
    """Stop a cordoned machine that has served; one that can't be stopped is destroyed as it is."""
    with contextlib.suppress(FlyError):
        await fly.stop(app, machine_id)
        await fly.wait(app, machine_id, "stopped", STOP_SECONDS)
