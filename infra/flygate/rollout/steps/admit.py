"""`Admit`: a new machine gets requests. `Readmit`: one changed in place gets them again."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from flygate.rollout.execution import Execution
from flygate.rollout.machine.halting import halt
from flygate.rollout.steps.step import Turn
from flygate.system import duration


@dataclass(frozen=True, slots=True)
class Admit:
    """Let the proxy send requests to a new machine.

    Attributes:
        name: the machine's.
    """

    name: str
    turn = Turn.WITHDRAW

    @property
    def title(self) -> str:
        """Return the title of the step."""
        return f"admit {self.name}"

    async def apply(self, execution: Execution) -> str:
        """Uncordon it."""
        await execution.fly.uncordon(execution.app, execution.made[self.name].id)
        return f"{self.name} takes requests"

    async def undo(self, execution: Execution) -> None:
        """Cordon it, so that nothing reaches it while it goes, and let it stop by itself."""
        if made := execution.made.get(self.name):
            await execution.fly.cordon(execution.app, made.id)
            await asyncio.sleep(duration.seconds(execution.target.manifest.gates.drain))
            await halt(execution.fly, execution.app, made.id)


@dataclass(frozen=True, slots=True)
class Readmit:
    """Let the proxy send requests to a machine that is proved; `Update` takes it back.

    Attributes:
        name: of its place.
    """

    name: str
    turn = None

    @property
    def title(self) -> str:
        """Return the title of the step."""
        return f"admit {self.name}"

    async def apply(self, execution: Execution) -> str:
        """Uncordon it."""
        await execution.fly.uncordon(execution.app, execution.made[self.name].id)
        return f"{self.name} takes requests again"

    async def undo(self, execution: Execution) -> None:
        """Nothing: what `Update` restores serves."""
