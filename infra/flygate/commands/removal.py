"""`flygate op … --delete`: a resource is destroyed, or was replaced and only its remains go.

A delete destroys only what it owns. It runs with the inputs of the resource as they were, and with
the tenure that its own result names.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flygate.commands import ownership
from flygate.commands.app import AppRequest
from flygate.commands.redis import RedisRequest
from flygate.commands.request import ReleaseRequest
from flygate.config.stack_file import StackFile
from flygate.fly.client import FlyClient
from flygate.fly.owner import Owner, is_same
from flygate.pulumi.checkpoint import Checkpoint, Kind
from flygate.record.ledger import Ledger
from flygate.rollout.state import State, observe
from flygate.system.errors import ConfigError, LedgerUnreadableError

# Reads what Pulumi last wrote of the stack.
ReadCheckpoint = Callable[[], Checkpoint]


@dataclass(frozen=True, slots=True)
class Protection:
    """What a destroy must not touch: a protected stack, and volumes.

    Of `flygate:protect` Pulumi knows only since the last deployment, and a destroy of what is
    protected must not depend on whether there was one.

    Attributes:
        volumes_of: the app whose volumes may go in this run, by an operator's order.
    """

    root: Path
    volumes_of: str = ""

    def check(self, owner: str, what: str) -> None:
        """Refuse to destroy.

        Args:
            owner: the label of the stack that owns it.

        Raises:
            ConfigError: the stack is protected, or its file can't be read.
        """
        found = Owner.parse(owner)
        if found is None or not _is_true(StackFile.read(self.root, found.stack).values):
            return
        raise ConfigError(
            f"The stack {found.stack} is protected, so {what} stays. Nothing was changed. To "
            f"destroy it on purpose: `pulumi config set protect false --stack {found.stack}`, then "
            f"`pulumi up --stack {found.stack}`, so that Pulumi knows it too, and destroy it again."
        )

    async def check_volumes(self, owner: str, app: str, fly: FlyClient) -> None:
        """Refuse to destroy an app that has volumes, unless that was ordered.

        Raises:
            ConfigError: it has; each is named, with what to type.
        """
        volumes = [] if self.volumes_of == app else await fly.volumes.list(app)
        if not volumes:
            return
        found = Owner.parse(owner)
        stack = found.stack if found else "<stack>"
        named = ", ".join(volume.label for volume in volumes)
        raise ConfigError(
            f"{app} has volumes, and what is on them would go with it: {named}. Nothing was "
            f"changed. To destroy them on purpose: `flygate destroy {stack} --volumes`."
        )


async def remove_release(
    request: ReleaseRequest,
    former: str,
    fly: FlyClient,
    checkpoint: ReadCheckpoint,
    protection: Protection,
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
    protection.check(request.owner, f"what {request.app} runs")
    await protection.check_volumes(request.owner, request.app, fly)
    for machine_id in state.ids:
        await fly.destroy(request.app, machine_id)


async def remove_app(
    request: AppRequest, fly: FlyClient, checkpoint: ReadCheckpoint, protection: Protection
) -> None:
    """Delete the app with all that is in it; one that is gone is fine.

    Machines of a release that are still there are another stack's or a successor's: those of this
    stack went before, with their own resource.
    """
    if await fly.app(request.app) is None:
        return
    if why := _why_needed(await observe(fly, request.app)) or _why_replaced("App", checkpoint):
        _say(f"the app {request.app} stays, with its addresses and secrets: {why}")
        return
    protection.check(request.owner, f"the app {request.app}")
    await protection.check_volumes(request.owner, request.app, fly)
    await fly.delete_app(request.app)


async def remove_redis(
    request: RedisRequest, fly: FlyClient, checkpoint: ReadCheckpoint, protection: Protection
) -> None:
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
    protection.check(request.owner, f"the Redis {name}")
    await fly.redis.delete(name)


def _why_needed(state: State) -> str:
    if not state.machines:
        return ""
    return f"{state.app} has machines of v{max(m.release for m in state.machines)}"


def _why_replaced(kind: Kind, checkpoint: ReadCheckpoint) -> str:
    return "its resource was replaced" if checkpoint().has_successor(kind) else ""


def _is_true(values: Mapping[str, Any]) -> bool:
    """Read Pulumi's boolean, which may be a text."""
    return str(values.get("protect", "")).lower() == "true"


def _tenure(former: str) -> str:
    try:
        return Ledger.parse(former).tenure
    except LedgerUnreadableError:
        return ""


def _say(line: str) -> None:
    """Print a line to standard error, which Pulumi shows while the Command runs."""
    print(line, file=sys.stderr, flush=True)
