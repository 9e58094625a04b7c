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
    HOLDER_KEY,
    MANIFEST_KEY,
    PHASE_KEY,
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
        """See `Step`."""
        return f"launch {self.slot.name}"

    async def apply(self, world: Execution) -> str:
        """Create it, cordoned, and lease it to us like the machines that were there."""
        slot = self.slot
        machine = await world.fly.create_machine(world.app, machine_request(world, slot))
        world.made[slot.name] = Member(slot.name, machine.id, slot.region, machine.instance_id)
        await lease(world.fly, world.app, machine.id)
        return f"{slot.name} is {machine.id} in {slot.region}"

    async def undo(self, world: Execution) -> None:
        """Destroy it, also if Fly's answer to the creation was lost."""
        made = world.made.get(self.slot.name)
        if machine_id := made.id if made else await self._lost(world):
            await world.fly.destroy(world.app, machine_id)

    async def _lost(self, world: Execution) -> str | None:
        """The machine of our own that has this name; another rollout's of that name is not ours."""
        for machine in await world.fly.machines(world.app):
            if machine.name == self.slot.name and machine.metadata.get(ROLLOUT_KEY) == world.id:
                return machine.id
        return None


def machine_request(world: Execution, slot: Slot) -> dict[str, Any]:
    """The body of the machine's creation."""
    target, manifest = world.target, world.target.manifest
    config = {
        **manifest.config,
        "image": manifest.image,
        "env": {**manifest.env, "FLYGATE_RELEASE": target.name},
        "metadata": {
            "fly_platform_version": "v2",
            "fly_process_group": manifest.env.get("FLY_PROCESS_GROUP", "app"),
            RELEASE_KEY: target.name,
            MANIFEST_KEY: target.manifest_id,
            ROLE_KEY: CANDIDATE,
            STEP_KEY: str(slot.step),
            ROLLOUT_KEY: world.id,
            COUNT_KEY: str(manifest.count),
            DRIFT_KEY: target.drift,
            OWNER_KEY: target.owner,
            HOLDER_KEY: target.holder,
            PHASE_KEY: str(manifest.phase),
            **({SECRETS_KEY: world.secrets} if world.secrets else {}),
            **({BACK_KEY: "1"} if target.is_rollback else {}),
        },
    }
    request: dict[str, Any] = {
        "name": slot.name,
        "region": slot.region,
        "config": config,
        "skip_service_registration": True,
    }
    if world.secrets_version:
        request["min_secrets_version"] = world.secrets_version
    return request
