"""`Wake`: a standby machine starts again, to become the new release."""

from __future__ import annotations

from dataclasses import dataclass

from flygate.fly.errors import NotFoundError
from flygate.rollout.execution import Execution
from flygate.rollout.machine.member import Member
from flygate.rollout.machine.waking import start
from flygate.rollout.state import Seen
from flygate.rollout.steps.retire import rest
from flygate.rollout.steps.step import Turn


@dataclass(frozen=True, slots=True)
class Wake:
    """Start a standby machine; it stays cordoned, and the gates say when it is well.

    A machine that starts gets the app's present secrets, so they were set before.
    """

    machine: Seen
    turn = Turn.REMOVE

    @property
    def title(self) -> str:
        """Return the title of the step."""
        return f"wake {self.machine.name}"

    async def apply(self, execution: Execution) -> str:
        """Start it."""
        machine = self.machine
        execution.made[machine.name] = Member.of(machine)
        await start(execution.fly, execution.app, machine.id)
        return f"{machine.name} is {machine.id} in {machine.region}, started again"

    async def undo(self, execution: Execution) -> None:
        """Back to rest; gone is fine."""
        try:
            await rest(execution, self.machine)
        except NotFoundError:
            return
