"""What a gate says: pass, fail, inconclusive or error, never just a boolean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Outcome = Literal["pass", "fail", "inconclusive", "error"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A gate's answer about the new machines of a step.

    Attributes:
        gate: who says so.
        reason: what was seen, for people.
        numbers: what it was judged by, plain JSON; the journal keeps it.
        machine, name: of the one machine that decided it, if it was one.
    """

    outcome: Outcome
    gate: str
    reason: str
    numbers: Mapping[str, Any] = field(default_factory=dict)
    machine: str = ""
    name: str = ""

    @property
    def passed(self) -> bool:
        """The rollout may go on."""
        return self.outcome == "pass"

    @property
    def subject(self) -> str:
        """Return what the verdict is about, for people: one machine, or all new ones."""
        return f"{self.name} (machine {self.machine})" if self.machine else "the new machines"


class GateFailedError(Exception):
    """A verdict that is no pass; the engine turns it into the operator's error."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(f"{verdict.gate}: {verdict.reason}")
        self.verdict = verdict


class UndecidedError(Exception):
    """A verdict that stayed inconclusive: the engine holds the rollout."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(f"{verdict.gate}: {verdict.reason}")
        self.verdict = verdict
