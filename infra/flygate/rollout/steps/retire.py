"""`Retire`: a machine of the former release goes out of service, and is kept."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from flygate.rollout.execution import Execution
from flygate.rollout.machine.halting import STOP_SECONDS
from flygate.rollout.machine.waking import comes_up
from flygate.rollout.state import PLATFORM_KEY, RETIRED_KEY, ROLE_KEY, STANDBY, Seen
from flygate.rollout.steps.revive import Revive
from flygate.rollout.steps.step import Turn
from flygate.system import duration


@dataclass(frozen=True, slots=True)
class Retire:
    """Take a machine out of service: cordoned, drained, stopped, kept.

    It is stopped and not suspended, though that would wake faster: a service that stops hands
    its clients' limits to the others, one that is frozen takes them along.
    """

    machine: Seen
    turn = Turn.SERVE

    @property
    def title(self) -> str:
        """Return the title of the step."""
        return f"retire {self.machine.name}"

    async def apply(self, execution: Execution) -> str:
        """Note since when, and let it rest."""
        await rest(execution, self.machine)
        return f"{self.machine.name} is stopped and kept as standby"

    async def undo(self, execution: Execution) -> None:
        """Bring it back."""
        await Revive(self.machine).apply(execution)


async def rest(execution: Execution, machine: Seen) -> None:
    """Cordon a machine, let it finish its requests, stop it.

    Without its platform version flyctl neither counts nor wakes it. One that is asleep is woken:
    its clients' limits are in its memory, and stopped asleep it would hand nothing on.
    """
    since = machine.retired_at or time.time()
    notes: dict[str, str | None] = {
        ROLE_KEY: STANDBY,
        RETIRED_KEY: str(int(since)),
        PLATFORM_KEY: None,
    }
    await execution.fly.patch_metadata(execution.app, machine.id, notes)
    await execution.fly.cordon(execution.app, machine.id)
    if machine.state == "suspended":
        await comes_up(execution.fly, execution.app, machine.id)
    await asyncio.sleep(duration.seconds(execution.target.manifest.gates.drain))
    await execution.fly.stop(execution.app, machine.id)
    await execution.fly.wait(execution.app, machine.id, "stopped", STOP_SECONDS)
