"""Two shares compared: of 5xx, of 429. A part of the judge. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from infra.rollout import statistics
from infra.rollout.finding import Finding, p_text
from infra.rollout.rules import Metric, Rules
from infra.rollout.statistics import Share
from infra.rollout.verdict import Outcome


@dataclass(frozen=True, slots=True)
class Shares:
    """The shares of both sides.

    Attributes:
        word: for people.
        too_few: so much more does not matter, however sure it is.
        too_many: so much more must not pass.
    """

    metric: Metric
    word: str
    candidate: Share
    former: Share
    too_few: float
    too_many: float

    def judge(self, rules: Rules, *, is_last: bool) -> Finding:
        """Fail on evidence of more, pass on evidence of not too many more."""
        p = statistics.excess(self.candidate, self.former)
        more = self.candidate.rate - self.former.rate
        if p <= rules.fail_level(is_last) and more >= self.too_few:
            return self._finding("fail", p_text(p), p=p)
        if not is_last:
            return self._finding("inconclusive", "so far", p=p)
        most = statistics.most_excess(self.candidate, self.former, rules.pass_level)
        if most < self.too_many:
            return self._finding("pass", p=p, most=most)
        comment = f"{most * 100:.1f} points more can't be ruled out"
        return self._finding("inconclusive", comment, p=p, most=most)

    def _finding(self, outcome: Outcome, comment: str = "", **numbers: float) -> Finding:
        text = f"{self.word} {share_text(self.candidate)} against {share_text(self.former)}"
        return Finding(
            self.metric,
            outcome,
            f"{text}, {comment}" if comment else text,
            {
                "candidate": [self.candidate.hits, self.candidate.total],
                "former": [self.former.hits, self.former.total],
                **numbers,
            },
        )


def share_text(share: Share) -> str:
    """`12 of 240 (5.0 %)`."""
    return f"{share.hits:,} of {share.total:,} ({share.rate * 100:.1f} %)"
