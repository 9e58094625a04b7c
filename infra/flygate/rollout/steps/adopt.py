"""`Adopt`: a machine that a rollout of the same manifest left, dead or held, is used again."""

from __future__ import annotations

from dataclasses import dataclass

from flygate.rollout.execution import Execution
from flygate.rollout.machine.member import Member
from flygate.rollout.machine.waking import start
from flygate.rollout.state import Seen
from flygate.rollout.steps.step import Turn


@dataclass(frozen=True, slots=True)
class Adopt:
    """Take a machine for what `Launch` would have made."""

    machine: Seen
    turn = Turn.REMOVE

    @property
    def title(self) -> str:
        """Return the title of the step."""
        return f"adopt {self.machine.name}"

    async def apply(self, execution: Execution) -> str:
        """It only starts, if the proxy has suspended it; the gates judge it anew."""
        machine = self.machine
        execution.made[machine.name] = Member.of(machine)
        if machine.state != "started":
            await start(execution.fly, execution.app, machine.id)
        return f"{machine.name} is {machine.id} in {machine.region}, made before"

    async def undo(self, execution: Execution) -> None:
        """Destroy it, as if it were made now."""
        await execution.fly.destroy(execution.app, self.machine.id)
