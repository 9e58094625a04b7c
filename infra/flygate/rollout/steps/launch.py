"""`Launch`: a new machine, which gets no traffic yet."""

from __future__ import annotations

from dataclasses import dataclass

from flygate.rollout.execution import Execution
from flygate.rollout.steps.creation import create, destroy_made
from flygate.rollout.steps.machine_request import machine_request
from flygate.rollout.steps.slot import Slot
from flygate.rollout.steps.step import Turn


@dataclass(frozen=True, slots=True)
class Launch:
    """Create a machine."""

    slot: Slot
    turn = Turn.REMOVE

    @property
    def title(self) -> str:
        """Return the title of the step."""
        return f"launch {self.slot.name}"

    async def apply(self, execution: Execution) -> str:
        """Create it, cordoned, and lease it to us like the machines that were there."""
        slot = self.slot
        group = execution.target.manifest.group(slot.group)
        request = machine_request(execution, group, step=slot.step)
        made = await create(
            execution, request, name=slot.name, region=slot.region, group=slot.group
        )
        return f"{slot.name} is {made} in {slot.region}"

    async def undo(self, execution: Execution) -> None:
        """Destroy it."""
        await destroy_made(execution, self.slot.name)
