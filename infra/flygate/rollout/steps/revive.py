"""`Revive`: a machine of the running release goes back to work."""

from __future__ import annotations

from dataclasses import dataclass

from flygate.rollout.execution import Execution
from flygate.rollout.machine.waking import comes_up
from flygate.rollout.state import LIVE, PLATFORM_KEY, PLATFORM_VERSION, RETIRED_KEY, ROLE_KEY, Seen


@dataclass(frozen=True, slots=True)
class Revive:
    """Put a machine of the running release back to work that a rollout or a person stopped."""

    machine: Seen
    turn = None

    @property
    def title(self) -> str:
        """Return the title of the step."""
        return f"revive {self.machine.name}"

    async def apply(self, execution: Execution) -> str:
        """Start it, wait for its checks, uncordon it.

        One that does not come up is reported and left: a broken release must not stand in the way
        of the one that replaces it.
        """
        is_up = await comes_up(execution.fly, execution.app, self.machine.id)
        await execution.fly.uncordon(execution.app, self.machine.id)
        notes = {ROLE_KEY: LIVE, PLATFORM_KEY: PLATFORM_VERSION, RETIRED_KEY: None}
        await execution.fly.patch_metadata(execution.app, self.machine.id, notes)
        return f"{self.machine.name} " + ("serves again" if is_up else "does not come up")

    async def undo(self, execution: Execution) -> None:
        """Nothing: that the running release runs is no change to take back."""
