"""What the next run would decide, told ahead: by the very function that the run asks. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from flygate.commands.decision import Case, Decision, Known, decide, missing
from flygate.commands.orders import Orders
from flygate.commands.request import ReleaseRequest, Wanted
from flygate.record import preview
from flygate.record.ledger import Ledger
from flygate.record.preview import Running
from flygate.rollout.state import State


@dataclass(frozen=True, slots=True)
class Foresight:
    """What a run will find.

    Attributes:
        request: that it gets.
        secrets: that it gets; a value that only the deployment will know is empty, and so differs
            from all that there was.
        ledger: with the app's key.
        state: what runs.
        orders: the operator's.
    """

    request: ReleaseRequest
    secrets: Mapping[str, str] = field(repr=False)
    ledger: Ledger
    state: State
    orders: Orders = field(default_factory=Orders)

    @property
    def wanted(self) -> Wanted:
        """What is asked for.

        Raises:
            LedgerError: a pinned release is not in the ledger, or its secret values are not.
        """
        return Wanted.of(self.request, self.secrets, self.ledger)

    def decide(self, *, is_again: bool = False) -> Decision:
        """What the run decides.

        Args:
            is_again: its resource is replaced.
        """
        wanted, known, orders = self.wanted, Known.of(self.ledger), self.orders
        if version := missing(known, self.state, wanted.id):
            known = Known.serving(self.state, version)  # the run begins by recording it
        case = Case.of(self.state, known, wanted.target(orders), orders)
        return decide(replace(case, is_again=is_again))

    def lines(self, *, is_drifted: bool, redis: tuple[float, float]) -> list[str]:
        """What changes, what is done about it, and what that costs; none if nothing is done.

        Args:
            redis: what it costs a month, before and after.
        """
        running, wanted = Running(**self.ledger.running()), self.wanted
        plan = self.decide().lines(self.state)
        return preview.lines(running, wanted.manifest, wanted.secrets, plan, is_drifted, redis)

    def again(self) -> list[str]:
        """What is done where the resource is replaced."""
        return self.decide(is_again=True).lines(self.state)
