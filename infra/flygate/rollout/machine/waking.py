"""Starting a machine that was stopped or suspended, and waiting until it is well."""

from __future__ import annotations

from typing import Final

from flygate.fly.client import FlyClient
from flygate.fly.errors import MachineStateError, WaitTimeoutError
from flygate.fly.models import Machine
from flygate.rollout.machine.halting import STOP_SECONDS
from flygate.rollout.machine.watching import watch

WAKE_SECONDS: Final = 15


async def comes_up(fly: FlyClient, app: str, machine_id: str) -> bool:
    """Start a machine that rests; return whether its checks pass then."""
    try:
        await start(fly, app, machine_id)
    except (MachineStateError, WaitTimeoutError):
        return False
    # What is retired next may be all that serves, so a start alone is not enough.
    return _is_well(await watch(fly, app, machine_id, _is_decided, WAKE_SECONDS))


async def start(fly: FlyClient, app: str, machine_id: str) -> None:
    """Start a machine, whatever it is doing now.

    Raises:
        MachineStateError, WaitTimeoutError: it does not start.
    """
    machine = await fly.machine(app, machine_id)
    if machine.state == "stopping":
        await fly.wait(app, machine_id, "stopped", STOP_SECONDS)
    if machine.state not in {"created", "starting", "started"}:  # these come up by themselves
        await fly.start(app, machine_id)
    if machine.state != "started":
        await fly.wait(app, machine_id, "started", WAKE_SECONDS)


def _is_decided(machine: Machine) -> bool:
    return _is_well(machine) or machine.state not in {"started", "starting"}


def _is_well(machine: Machine) -> bool:
    return machine.state == "started" and all(c.status == "passing" for c in machine.checks)
