"""`Shift`: a larger share of the clients moves to the new release."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from flygate.rollout.clients.handover import Sides, handover
from flygate.rollout.execution import Execution
from flygate.rollout.machine.member import Member
from flygate.rollout.state import SHARE_KEY


@dataclass(frozen=True, slots=True)
class Shift:
    """Move clients, with their limits. `Part` takes it back.

    Attributes:
        percent: of the clients that belong to the new machines then.
        names: of the new machines.
        former: the machines of the former release.
    """

    percent: int
    names: tuple[str, ...]
    former: tuple[Member, ...]
    turn = None

    @property
    def title(self) -> str:
        """Return the title of the step."""
        return f"shift {self.percent} % of the clients"

    async def apply(self, execution: Execution) -> str:
        """Send the order once all machines know each other."""
        sides = Sides(tuple(execution.made[name] for name in self.names), self.former)
        await self._note(execution, sides.new)
        async with handover(execution, sides) as clients:
            known = await clients.all_know_all()
            version = await clients.share(self.percent, known.values())
        return (
            f"{self.percent} % of the clients are {execution.target.name}'s "
            f"({len(known)} machines follow order {version})"
        )

    async def undo(self, execution: Execution) -> None:
        """Nothing: see `Part`."""

    async def _note(self, execution: Execution, new: tuple[Member, ...]) -> None:
        """Note the share: a run after a crash goes on from there."""
        notes: dict[str, str | None] = {SHARE_KEY: str(self.percent)}
        await asyncio.gather(
            *(execution.fly.patch_metadata(execution.app, member.id, notes) for member in new)
        )
