"""`Preview`: what the next run would decide, by the function that the run itself calls. Pure."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from flygate.commands.decision import Case, Decision, Newest, decide, missing
from flygate.commands.desired_release import desired_release
from flygate.commands.orders import Orders
from flygate.commands.request import ReleaseRequest
from flygate.record import running
from flygate.record.ledger import Ledger
from flygate.record.running import Running
from flygate.rollout.desired import DesiredRelease
from flygate.rollout.state import State
from flygate.rollout.target import Target


@dataclass(frozen=True, slots=True)
class Preview:
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
    def desired(self) -> DesiredRelease:
        """What the request asks for.

        Raises:
            LedgerError: a pinned release is not in the ledger, or its secret values are not.
        """
        return desired_release(self.request, self.secrets, self.ledger)

    def decide(self, *, is_again: bool = False) -> Decision:
        """Return what the run will decide.

        Args:
            is_again: its resource is replaced.
        """
        desired, newest, orders = self.desired, Newest.of(self.ledger), self.orders
        if version := missing(newest, self.state, desired.id):
            newest = Newest.serving(self.state, version)  # the run begins by recording it
        target = Target(0, desired, at=time.time(), accepted=orders.accept)
        case = Case.of(self.state, newest, target, orders)
        return decide(replace(case, is_again=is_again))

    def lines(self, *, is_drifted: bool, redis: tuple[float, float]) -> list[str]:
        """Say what changes, what is done about it, and what that costs; no line if nothing is done.

        Args:
            redis: what it costs a month, before and after.
        """
        former, desired = Running(**self.ledger.running()), self.desired
        plan = self.decide().lines(self.state)
        return running.lines(former, desired.manifest, desired.secrets, plan, is_drifted, redis)

    def again(self) -> list[str]:
        """Say what is done where the resource is replaced."""
        return self.decide(is_again=True).lines(self.state)
