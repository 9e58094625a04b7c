"""What an operator decides about a held rollout: shared by `flygate proceed` and `abort`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, TypeVar

from flygate.cli.stack.stack import Stack
from flygate.commands.unrecorded import UnrecordedRequest, find
from flygate.fly.client import FlyClient
from flygate.fly.endpoints import Endpoints
from flygate.redaction.redact import Redactor
from flygate.rollout.errors import NothingHeldError
from flygate.rollout.state import CANDIDATE, Seen, observe

T = TypeVar("T")


def held(stack: Stack) -> list[Seen]:
    """The machines of the rollout that waits for a decision.

    Raises:
        NothingHeldError: none does.
        StackLockedError: none does, and a Pulumi that died has left its lock.
    """
    app = stack.config("app")
    if not app:
        raise NothingHeldError(f"{stack.name} has no flygate:app yet, so no rollout of it is held.")
    state = _asked(stack, lambda fly: observe(fly, app))
    found = [m for m in state.machines if m.role == CANDIDATE]
    if not found:
        stack.check_unlocked()
        raise NothingHeldError(
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
    app, known = stack.config("app"), str(stack.outputs().get("release", "")).removeprefix("v")
    if not app or not known.isdigit():
        return 0
    request = UnrecordedRequest(app=app, known=int(known))
    return _asked(stack, lambda fly: find(request, fly)).version


def _asked(stack: Stack, question: Callable[[FlyClient], Coroutine[Any, Any, T]]) -> T:
    async def ask() -> T:
        async with FlyClient(Endpoints.from_env(stack.environment)) as fly:
            return await question(fly)

    return asyncio.run(ask())
