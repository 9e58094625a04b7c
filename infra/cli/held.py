"""What an operator decides about a held rollout: shared by `flygate proceed` and `abort`."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from infra.cli.stack import Stack
from infra.fly.client import FlyClient
from infra.fly.endpoints import Endpoints
from infra.ops import decision
from infra.redact import Redactor
from infra.rollout.errors import NothingHeld
from infra.rollout.observe import CANDIDATE, Seen, State, observe


def held(stack: Stack) -> list[Seen]:
    """The machines of the rollout that waits for a decision.

    Raises:
        NothingHeld: none does.
        LockHeld: none does, and a Pulumi that died has left its lock, so more is to be done.
    """
    app = stack.config("app")
    if not app:
        raise NothingHeld(f"{stack.name} has no flygate:app yet, so no rollout of it is held.")
    found = [m for m in _state(stack, app).machines if m.role == CANDIDATE]
    if not found:
        stack.check_unlocked()
        raise NothingHeld(
            f"No rollout of {stack.name} is held: there is nothing to decide. "
            f"`flygate status {stack.name}` shows what runs."
        )
    # An older Flygate wrote down why, which knew less of the forms that a secret has.
    redact = Redactor(stack.secret_texts())
    return [replace(machine, held=redact(machine.held)) for machine in found]


def unrecorded(stack: Stack) -> int:
    """The release that serves, and that Pulumi's state does not know; 0 if there is none.

    It is what a `proceed` leaves whose Pulumi was killed at its end.
    """
    app, known = stack.config("app"), str(stack.outputs().get("release", ""))
    if not app or not known.removeprefix("v").isdigit():
        return 0
    return decision.unrecorded(_state(stack, app), int(known.removeprefix("v")))


def _state(stack: Stack, app: str) -> State:
    return asyncio.run(_observed(app, Endpoints.from_env(stack.environment)))


async def _observed(app: str, endpoints: Endpoints) -> State:
    async with FlyClient(endpoints) as fly:
        return await observe(fly, app)
