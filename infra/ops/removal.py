"""`flygate op … --delete`: a resource is destroyed, or was replaced and only its remains go.

A delete destroys only what it owns. It runs with the inputs of the resource as they were, and with
the tenure that its own result names.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from infra.checkpoint import Checkpoint, Kind
from infra.errors import LedgerError
from infra.fly.client import FlyClient
from infra.ops import ownership
from infra.ops.app import AppRequest
from infra.ops.redis import RedisRequest
from infra.ops.request import ReleaseRequest
from infra.owner import is_same
from infra.rollout.ledger import Ledger
from infra.rollout.observe import State, observe

# Reads what Pulumi last wrote of the stack.
Look = Callable[[], Checkpoint]


async def remove_release(
    request: ReleaseRequest, former: str, fly: FlyClient, checkpoint: Look
) -> None:
    """Destroy the machines that Flygate made, unless they are another stack's or a successor's.

    Args:
        former: what the resource printed when it last ran.
    """
    if await fly.app(request.app) is None:
        return
    state = await observe(fly, request.app)
    tenure = _tenure(former)
    why = ownership.why_left(state, request.owner, tenure)
    if not (why or tenure):
        why = _why_replaced("Release", checkpoint)
    if why:
        _say(f"the machines of {request.app} stay: {why}")
        return
    for machine in state.machines:
        await fly.destroy(request.app, machine.id)


async def remove_app(request: AppRequest, fly: FlyClient, checkpoint: Look) -> None:
    """Delete the app with all that is in it; one that is gone is fine.

    Machines of a release that are still there are another stack's or a successor's: those of this
    stack went before, with their own resource.
    """
    if await fly.app(request.app) is None:
        return
    if why := _why_needed(await observe(fly, request.app)) or _why_replaced("App", checkpoint):
        _say(f"the app {request.app} stays, with its addresses and secrets: {why}")
        return
    await fly.delete_app(request.app)


async def remove_redis(request: RedisRequest, fly: FlyClient, checkpoint: Look) -> None:
    """Delete it with all that is in it. While the app has machines, they may need it."""
    name = request.wish.name
    found = await fly.redis.find(name)
    if found is None:
        return
    has_machines = await fly.app(request.app) and await fly.machines(request.app)
    why = f"{request.app} has machines" if has_machines else _why_replaced("Redis", checkpoint)
    if not is_same(found.owner, request.owner):
        why = f"it belongs to {found.owner}"
    if why:
        _say(f"the Redis {name} stays on Fly, with all that is in it: {why}")
        return
    await fly.redis.delete(name)


def _why_needed(state: State) -> str:
    if not state.machines:
        return ""
    return f"{state.app} has machines of v{max(m.release for m in state.machines)}"


def _why_replaced(kind: Kind, checkpoint: Look) -> str:
    return "its resource was replaced" if checkpoint().has_successor(kind) else ""


def _tenure(former: str) -> str:
    try:
        return Ledger.parse(former).tenure
    except LedgerError:
        return ""


def _say(line: str) -> None:
    """The Command's standard error is shown while it runs."""
    print(line, file=sys.stderr, flush=True)
