"""What a rollout makes: created once, cordoned, leased; and destroyed again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flygate.rollout.execution import Execution
from flygate.rollout.lock.lease import lease
from flygate.rollout.machine.member import Member
from flygate.rollout.state import ROLLOUT_KEY


async def create(
    execution: Execution, request: Mapping[str, Any], *, name: str, region: str, group: str
) -> str:
    """Create a machine that gets no traffic, lease it to us, and return its id.

    Args:
        request: see `machine_request`.
    """
    body = {**request, "name": name, "region": region, "skip_service_registration": True}
    machine = await execution.fly.create_machine(execution.app, body)
    execution.made[name] = Member(name, machine.id, region, machine.instance_id, group=group)
    await lease(execution.fly, execution.app, machine.id)
    return machine.id


async def destroy_made(execution: Execution, name: str) -> None:
    """Destroy what this very rollout made under a name, also if Fly's answer to that was lost."""
    made = execution.made.get(name)
    if machine_id := made.id if made else await _lost(execution, name):
        await execution.fly.destroy(execution.app, machine_id)


async def _lost(execution: Execution, name: str) -> str | None:
    """Return the machine of a name that this very rollout made."""
    for machine in await execution.fly.machines(execution.app):
        if machine.name == name and machine.metadata.get(ROLLOUT_KEY) == execution.id:
            return machine.id
    return None
