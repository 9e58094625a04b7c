"""A plan beside the journal of the run that follows: the operator has read what is done."""

from __future__ import annotations

from typing import Any, Self

from flygate.commands.decision import Decision
from flygate.commands.inspection import InspectionRequest, inspect
from flygate.commands.orders import Orders
from flygate.commands.preview import Preview
from flygate.record.journal import Event
from flygate.record.ledger import Ledger

from tests.infra.deployment import APP, Deployment

Step = tuple[str, str]


class Foretold:
    """What a preview says, by what a preview knows; then it listens to the run.

    Attributes:
        decision: that the preview foretells.
        done: the steps that the run's journal has, each with its stage; in an abort, what it undid.
    """

    def __init__(self, decision: Decision) -> None:
        self.decision = decision
        self.done: list[Step] = []

    @classmethod
    async def of(
        cls,
        shop: Deployment,
        pin: int = 0,
        orders: Orders | None = None,
        ledger: Ledger | None = None,
        **asked: Any,
    ) -> Self:
        """Inspection, as each preview does.

        Args:
            ledger: the one that Pulumi's state has; by default the shop's.
            asked: see `Deployment.request`.
        """
        request, secrets = shop.request(pin, **asked)
        known = ledger or shop.ledger
        seen = await inspect(InspectionRequest(app=APP, needs_key=not known.key), shop.fly)
        keyed = known.model_copy(update={"key": known.key or seen.key})
        ahead = Preview(request, secrets, keyed, seen.live, orders or Orders())
        return cls(ahead.decide())

    @property
    def steps(self) -> list[Step]:
        """What the plan says, stage by stage."""
        plan = self.decision.plan
        stages = (*plan.stages, *plan.final)
        return [(stage.name, step.title) for stage in stages for step in stage.steps]

    @property
    def undone(self) -> set[str]:
        """What an abort says that it takes back."""
        return {step.title for step in self.decision.undone if step.turn}

    def __call__(self, event: Event) -> None:
        """Listen."""
        if event.kind in {"step", "undo"}:
            self.done.append((event.stage, event.text))
