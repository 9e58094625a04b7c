"""`Part`: the machines learn that two releases share the clients, before the new one has any."""

from __future__ import annotations

from dataclasses import dataclass

from flygate.rollout.clients.handover import Sides, handover
from flygate.rollout.errors import ShareNotAcknowledgedError
from flygate.rollout.execution import Execution
from flygate.rollout.machine.member import Member
from flygate.rollout.steps.step import Turn


@dataclass(frozen=True, slots=True)
class Part:
    """Keep the clients apart: the new machines own none that was not moved to them.

    The new machines get the order by an errand, as no request may reach them before they know it.

    Attributes:
        names: of the new machines.
        former: the machines of the former release.
        percent: of the clients that an earlier run had moved.
    """

    names: tuple[str, ...]
    former: tuple[Member, ...]
    percent: int = 0
    title = "part new and former machines"
    turn = Turn.CLIENTS

    async def apply(self, execution: Execution) -> str:
        """Send the order to all of them."""
        await self._share(execution, self.percent, is_back=False)
        return f"new machines own {_words(self.percent)}"

    async def undo(self, execution: Execution) -> None:
        """Give all clients back, with their limits, before the new machines go.

        That a machine does not take it is no failure: without the new ones the order is void.
        """
        try:
            await self._share(execution, 0, is_back=True)
        except ShareNotAcknowledgedError as exc:
            execution.journal.write("warning", "restore", f"clients go back unprepared: {exc}")

    async def _share(self, execution: Execution, percent: int, *, is_back: bool) -> None:
        new = tuple(execution.made[name] for name in self.names if name in execution.made)
        if not new:
            return
        sides = Sides(new, self.former)
        async with handover(execution, sides, cordoned=new) as clients:
            known = await clients.known()
            await clients.share(percent, known.values(), is_back=is_back)


def _words(percent: int) -> str:
    return f"{percent} % of the clients" if percent else "no clients yet"
