"""What every step can do."""

from __future__ import annotations

from enum import IntEnum
from typing import Protocol

from flygate.rollout.execution import Execution


class Turn(IntEnum):
    """When a step is undone. The way back has one order, whatever was done in which order.

    A machine that starts reads the app's secrets, so the former values come first; then the
    former machines serve, and get their clients back; only then the new ones get no more
    requests, and go.
    """

    VALUES = 1
    SERVE = 2
    CLIENTS = 3
    WITHDRAW = 4
    REMOVE = 5


class Step(Protocol):
    """One change of what runs."""

    @property
    def title(self) -> str:
        """Return what it does, for the plan and the journal."""
        ...

    @property
    def turn(self) -> Turn | None:
        """When it is undone, or None if there is nothing to undo."""
        ...

    async def apply(self, execution: Execution) -> str:
        """Do it; returns what was done, for people."""
        ...

    async def undo(self, execution: Execution) -> None:
        """Take it back, however far it came."""
        ...
