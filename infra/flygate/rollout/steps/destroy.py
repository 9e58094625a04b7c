"""`Destroy`: a machine that does not serve goes."""

from __future__ import annotations

from dataclasses import dataclass

from flygate.fly.errors import NotFoundError
from flygate.rollout.execution import Execution
from flygate.rollout.machine.halting import halt
from flygate.rollout.state import Seen, observe


@dataclass(frozen=True, slots=True)
class Destroy:
    """Remove a machine: an old standby, or what a dead rollout left."""

    machine: Seen
    why: str
    turn = None

    @property
    def title(self) -> str:
        """Return the title of the step."""
        return f"destroy {self.machine.name} ({self.why})"

    async def apply(self, execution: Execution) -> str:
        """Destroy it, unless it is all that serves; gone already is fine."""
        if self.machine.answers and not await self._is_dispensable(execution):
            return f"{self.machine.name} stays: nothing else serves"
        try:
            await execution.fly.cordon(execution.app, self.machine.id)
        except NotFoundError:
            return f"{self.machine.name} is gone"
        if self.machine.serves:
            await halt(execution.fly, execution.app, self.machine.id)
        await execution.fly.destroy(execution.app, self.machine.id)
        return f"{self.machine.name} is gone ({self.why})"

    async def _is_dispensable(self, execution: Execution) -> bool:
        """Return whether a machine of another release serves."""
        state = await observe(execution.fly, execution.app)
        others = [m for m in state.machines if m.release != self.machine.release]
        return any(m.answers for m in others)

    async def undo(self, execution: Execution) -> None:
        """Nothing: what did not serve is not missed."""
