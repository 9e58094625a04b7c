"""What the judge finds of one metric in one region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flygate.rollout.judge.rules import Metric
from flygate.rollout.verdict import Outcome


@dataclass(frozen=True, slots=True)
class MetricFinding:
    """One of the parts of a verdict.

    Attributes:
        text: for an operator.
        numbers: what it was found from.
        name: of the machine, if it was one alone.
    """

    metric: Metric
    outcome: Outcome
    text: str
    numbers: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""

    def text_in(self, region: str) -> str:
        """Return the text with the machine's name, and the region's if one is given."""
        text = f"{self.name} {self.text}" if self.name else self.text
        return f"{region}: {text}" if region else text


def p_text(p: float) -> str:
    """`p = 0.012`, `p = 3e-09`."""
    return f"p = {p:.3f}" if p >= 0.001 else f"p = {p:.0e}"
