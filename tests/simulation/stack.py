"""What Pulumi and the stack's file keep of a stack between two commands."""

from __future__ import annotations

from dataclasses import dataclass, field

from flygate.config import Pin
from flygate.record.ledger import Ledger

from tests.simulation.scenario import Verb
from tests.simulation.trail import Trail

OWNER = "organization/flygate/simulated#0123abcd"


@dataclass(slots=True)
class Stack:
    """Attributes:
    result: what the last successful run of the release resource printed.
    inputs: what that run was asked for; the same again runs nothing.
    redis_url: of the database that was made for it, or empty.
    announced: version → manifest id, of each release that was reported to an operator.
    trail: where a way back must lead.
    """

    result: str = ""
    inputs: str = ""
    redis_url: str = ""
    announced: dict[int, str] = field(default_factory=dict)
    trail: Trail = field(default_factory=Trail)

    @property
    def recorded(self) -> Ledger:
        """The result, or an empty ledger before the first one."""
        return self.ledger if self.result else Ledger()

    @property
    def ledger(self) -> Ledger:
        """The result, read."""
        return Ledger.parse(self.result)

    def keep(self, ledger: Ledger, inputs: str, verb: Verb) -> None:
        """A run has succeeded."""
        self.result, self.inputs = ledger.dumps(), inputs
        if current := ledger.current:
            self.announced[current.version] = current.manifest_id
            self.trail.stands(current.manifest_id, verb)


@dataclass(slots=True)
class StackFile:
    """One checkout's file of the stack; what a rollback writes there is never committed."""

    pin: Pin | None = None
