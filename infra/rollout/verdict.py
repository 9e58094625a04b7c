"""What a gate says: pass, fail, inconclusive or error, never just a boolean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["pass", "fail", "inconclusive", "error"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A gate's answer about one machine.

    Attributes:
        reason: what was seen, for people.
    """

    outcome: Outcome
    gate: str
    reason: str

    @property
    def passed(self) -> bool:
        """The rollout may go on."""
        return self.outcome == "pass"


class GateFailed(Exception):
    """A verdict that is no pass; the engine turns it into the operator's error."""

    def __init__(self, verdict: Verdict, machine: str, name: str) -> None:
        super().__init__(f"{verdict.gate}: {verdict.reason}")
        self.verdict = verdict
        self.machine = machine
        self.name = name
