"""`Launch`: a new machine, which gets no traffic yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flygate.fly.owner import OWNER_KEY
from flygate.rollout.execution import Execution
from flygate.rollout.lock.lease import lease
from flygate.rollout.machine.member import Member
from flygate.rollout.state import (
    BACK_KEY,
    CANDIDATE,
    COUNT_KEY,
    DRIFT_KEY,
    GROUP_KEY,
    HOLDER_KEY,
    MANIFEST_KEY,
    PHASE_KEY,
    PLATFORM_KEY,
    PLATFORM_VERSION,
    RELEASE_KEY,
    ROLE_KEY,
    ROLLOUT_KEY,
    SECRETS_KEY,
    STEP_KEY,
)
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
        machine = await execution.fly.create_machine(
            execution.app, machine_request(execution, slot)
        )
        execution.made[slot.name] = Member(
            slot.name, machine.id, slot.region, machine.instance_id, group=slot.group
        )
        await lease(execution.fly, execution.app, machine.id)
        return f"{slot.name} is {machine.id} in {slot.region}"

    async def undo(self, execution: Execution) -> None:
        """Destroy it, also if Fly's answer to the creation was lost."""
        made = execution.made.get(self.slot.name)
        if machine_id := made.id if made else await self._lost(execution):
            await execution.fly.destroy(execution.app, machine_id)

    async def _lost(self, execution: Execution) -> str | None:
        """Return the machine of this name that this very rollout made."""
        for machine in await execution.fly.machines(execution.app):
            if machine.name == self.slot.name and machine.metadata.get(ROLLOUT_KEY) == execution.id:
                return machine.id
        return None


def machine_request(execution: Execution, slot: Slot) -> dict[str, Any]:
    """Return the body of the machine's creation."""
    target, manifest = execution.target, execution.target.manifest
    group = manifest.group(slot.group)
    config = {
        **group.config,
        "image": manifest.image,
        "env": {**group.config.get("env", {}), "FLYGATE_RELEASE": target.name},
        "metadata": {
            PLATFORM_KEY: PLATFORM_VERSION,
            GROUP_KEY: slot.group,
            RELEASE_KEY: target.name,
            MANIFEST_KEY: target.manifest_id,
            ROLE_KEY: CANDIDATE,
            STEP_KEY: str(slot.step),
            ROLLOUT_KEY: execution.id,
            COUNT_KEY: str(manifest.count),
            DRIFT_KEY: target.drift,
            OWNER_KEY: target.owner,
            HOLDER_KEY: target.holder,
            PHASE_KEY: str(manifest.phase),
            **({SECRETS_KEY: execution.secrets} if execution.secrets else {}),
            **({BACK_KEY: "1"} if target.is_rollback else {}),
        },
    }
    request: dict[str, Any] = {
        "name": slot.name,
        "region": slot.region,
        "config": config,
        "skip_service_registration": True,
    }
    if execution.secrets_version:
        request["min_secrets_version"] = execution.secrets_version
    return request
