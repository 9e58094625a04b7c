"""`Launch`: a new machine, which gets no traffic yet."""

from __future__ import annotations

from dataclasses import dataclass

from flygate.rollout.execution import Execution
from flygate.rollout.lock.lease import lease
from flygate.rollout.machine.member import Member
from flygate.rollout.state import ROLLOUT_KEY
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
        request = {
            **machine_request(execution, group, step=slot.step),
            "name": slot.name,
            "region": slot.region,
            "skip_service_registration": True,
        }
        machine = await execution.fly.create_machine(execution.app, request)
        execution.made[slot.name] = Member(
            slot.name, machine.id, slot.region, machine.instance_id, group=slot.group
        )
        await lease(execution.fly, execution.app, machine.id)
        return f"{slot.name} is {machine.id} in {slot.region}"

    async def undo(self, execution: Execution) -> None:
        """Destroy it, also if Fly's answer to the creation was lost."""
        await destroy_made(execution, self.slot.name)


async def destroy_made(execution: Execution, name: str) -> None:
    """Destroy what this very rollout made under a name; nothing is fine."""
    made = execution.made.get(name)
    if machine_id := made.id if made else await _lost(execution, name):
        await execution.fly.destroy(execution.app, machine_id)


async def _lost(execution: Execution, name: str) -> str | None:
    """Return the machine of a name that this very rollout made."""
    for machine in await execution.fly.machines(execution.app):
        if machine.name == name and machine.metadata.get(ROLLOUT_KEY) == execution.id:
            return machine.id
    return None
