"""The lease of one machine: taken, renewed, and who has it."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import Final

from flygate.fly.client import FlyClient
from flygate.fly.errors import FlyError

TTL_SECONDS: Final = 15


@dataclass(frozen=True, slots=True)
class Tenancy:
    """Who holds a machine.

    Attributes:
        by: for people; empty if Fly does not say it.
        ends: when the lease ends, in unix seconds.
    """

    by: str = ""
    ends: int = 0


async def lease(fly: FlyClient, app: str, machine_id: str) -> None:
    """Take or renew the lease of one machine for the holder; the heartbeat keeps it."""
    await fly.acquire_lease(app, machine_id, TTL_SECONDS, fly.leases.description)


async def tenancy(fly: FlyClient, app: str, machine_id: str) -> Tenancy:
    """Return who holds a machine, and until when."""
    with contextlib.suppress(FlyError):
        if found := await fly.lease(app, machine_id):
            left = max(0, found.expires_at - int(time.time()))
            by = found.description or found.owner
            return Tenancy(f"{by} (its lease ends in {left} s)", found.expires_at)
    return Tenancy()
