"""The hand-over of clients between two releases: which machines own which share of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from flygate_wire.share_order import ShareState, SignedShareOrders

from flygate.rollout.clients.messenger import Messenger, messenger
from flygate.rollout.errors import ShareNotAcknowledgedError
from flygate.rollout.execution import Execution
from flygate.rollout.machine.member import Member
from flygate.system.polling import poll

# Machines that do not find each other within this time do not reach each other.
PATIENCE_SECONDS: Final = 15.0
POLL_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Sides:
    """The machines of both releases."""

    new: tuple[Member, ...]
    former: tuple[Member, ...]

    @property
    def all(self) -> tuple[Member, ...]:
        """Return the machines of both."""
        return (*self.former, *self.new)


@dataclass(frozen=True, slots=True)
class Handover:
    """Gives shares of an app's clients to one of two releases."""

    execution: Execution
    messenger: Messenger
    sides: Sides

    async def known(self) -> dict[str, ShareState]:
        """Return what each machine that runs knows, by its id."""
        return await self.messenger.ask(self.sides.all)

    async def all_know_all(self) -> dict[str, ShareState]:
        """Return what they know, once each that runs knows of all others that do.

        Raises:
            ShareNotAcknowledgedError: one does not learn of another.
        """
        known = await poll(
            self.known, lambda known: not _gaps(known), every=POLL_SECONDS, within=PATIENCE_SECONDS
        )
        for machine, missing in _gaps(known).items():
            raise ShareNotAcknowledgedError(
                f"machine {machine} does not know {', '.join(sorted(missing))} as a member: can "
                "the app's machines reach each other on the private network?"
            )
        return known

    async def share(
        self, percent: int, known: Iterable[ShareState], *, is_back: bool = False
    ) -> int:
        """Order that the new machines own a percentage of the clients; all follow it then.

        The side that loses clients gets the order first: it hands the limits over before it lets
        the clients go.

        Args:
            known: what the machines know.
            is_back: clients go back to the former machines.

        Returns:
            The version of the order.

        Raises:
            ShareNotAcknowledgedError: a machine does not take it.
        """
        new, former = (tuple(m.id for m in side) for side in (self.sides.new, self.sides.former))
        version = 1 + max((one.version for one in known), default=0)
        orders = SignedShareOrders(self.execution.target.key, self.execution.app)
        text = orders.write(version, percent, new, former)
        losing_first = (self.sides.former, self.sides.new)
        for side in reversed(losing_first) if is_back else losing_first:
            await self._order(side, text, version)
        return version

    async def _order(self, members: Iterable[Member], text: str, version: int) -> None:
        answers = await self.messenger.ask(members, text)
        if lagging := [machine for machine, known in answers.items() if known.version != version]:
            raise ShareNotAcknowledgedError(
                f"machine {lagging[0]} took the order {version} and knows another one"
            )


@asynccontextmanager
async def handover(
    execution: Execution, sides: Sides, *, cordoned: Iterable[Member] = ()
) -> AsyncIterator[Handover]:
    """Give a hand-over while the body runs.

    Args:
        cordoned: machines that the proxy does not reach.
    """
    async with messenger(execution, cordoned) as carrier:
        yield Handover(execution, carrier, sides)


def _gaps(known: Mapping[str, ShareState]) -> dict[str, frozenset[str]]:
    """Return the running machines that each machine does not know, where there are any."""
    gaps = {machine: known.keys() - one.members for machine, one in known.items()}
    return {machine: frozenset(missing) for machine, missing in gaps.items() if missing}
