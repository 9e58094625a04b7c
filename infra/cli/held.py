"""What an operator decides about a held rollout: shared by `flygate proceed` and `abort`."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from infra.cli.stack import Stack
from infra.fly.client import FlyClient
from infra.fly.endpoints import Endpoints
from infra.redact import Redactor
from infra.rollout.errors import NothingHeld
from infra.rollout.observe import CANDIDATE, Seen, observe


def held(stack: Stack) -> list[Seen]:
    """The machines of the rollout that waits for a decision.

    Raises:
        NothingHeld: none does.
    """
    app = stack.config("app")
    if not app:
        raise NothingHeld(f"{stack.name} has no flygate:app yet, so no rollout of it is held.")
    found = asyncio.run(_candidates(app, Endpoints.from_env(stack.environment)))
    if not found:
        raise NothingHeld(
            f"No rollout of {stack.name} is held: there is nothing to decide. "
            f"`flygate status {stack.name}` shows what runs."
        )
    # An older Flygate wrote down why, which knew less of the forms that a secret has.
    redact = Redactor(stack.secret_texts())
    return [replace(machine, held=redact(machine.held)) for machine in found]


async def _candidates(app: str, endpoints: Endpoints) -> list[Seen]:
    async with FlyClient(endpoints) as fly:
        state = await observe(fly, app)
    return [m for m in state.machines if m.role == CANDIDATE]
