"""One rollout at a time: leases on the app's machines, kept alive by a heartbeat.

flyctl honours the same leases. A holder that dies lets them expire within seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence

from infra.fly.client import FlyClient
from infra.fly.errors import Conflict, FlyError, NotFound
from infra.rollout.errors import LockHeld
from infra.rollout.journal import Journal
from infra.rollout.undisturbed import undisturbed

TTL_SECONDS = 15
HEARTBEAT_SECONDS = 4.0
RETRY_SECONDS = 1.0
# As long as a dead holder's lease can last, and a little more.
PATIENCE_SECONDS = 20.0


@contextlib.asynccontextmanager
async def hold(
    fly: FlyClient, app: str, machines: Sequence[str], description: str, journal: Journal
) -> AsyncIterator[None]:
    """Hold the leases of machines while the body runs.

    Raises:
        LockHeld: somebody else holds one, for longer than a dead holder could.
    """
    taken: list[str] = []
    try:
        for machine_id in machines:
            await _take(fly, app, machine_id, description, journal)
            taken.append(machine_id)
        heartbeat = asyncio.create_task(_keep(fly, app, taken, description))
        try:
            yield
        finally:
            heartbeat.cancel()
            await undisturbed(_ended(heartbeat))
    finally:
        await undisturbed(_give_back(fly, app, taken))


async def _take(
    fly: FlyClient, app: str, machine_id: str, description: str, journal: Journal
) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    told = False
    while True:
        try:
            await fly.acquire_lease(app, machine_id, TTL_SECONDS, description)
        except NotFound:
            return
        except Conflict as exc:
            holder = await _holder(fly, app, machine_id)
            if time.monotonic() > deadline:
                journal.write("refused", "lock", f"held by {holder}", machine_id)
                raise LockHeld(
                    f"Another rollout of {app} is under way: {holder or exc.detail}. "
                    "Nothing was changed. Wait for it to end and run the same command again."
                ) from exc
            if not told:
                journal.write("step", "lock", f"waiting for {holder}", machine_id)
                told = True
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return


async def _ended(task: asyncio.Task[None]) -> None:
    await asyncio.wait([task])


async def _give_back(fly: FlyClient, app: str, machines: Sequence[str]) -> None:
    for machine_id in machines:
        with contextlib.suppress(FlyError):  # it expires by itself
            await fly.release_lease(app, machine_id)


async def _keep(fly: FlyClient, app: str, machines: Sequence[str], description: str) -> None:
    while True:
        await asyncio.sleep(HEARTBEAT_SECONDS)
        for machine_id in machines:
            if machine_id in fly.leases:
                with contextlib.suppress(FlyError):  # the next beat tries again
                    await fly.acquire_lease(app, machine_id, TTL_SECONDS, description)


async def _holder(fly: FlyClient, app: str, machine_id: str) -> str:
    with contextlib.suppress(FlyError):
        lease = await fly.lease(app, machine_id)
        if lease:
            left = max(0, lease.expires_at - int(time.time()))
            return f"{lease.description or lease.owner} (its lease ends in {left} s)"
    return ""
