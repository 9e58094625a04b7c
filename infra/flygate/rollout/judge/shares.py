"""Two shares compared: of 5xx, of 429. A part of the judge. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flygate.rollout.judge import statistics
from flygate.rollout.judge.finding import MetricFinding, p_text
from flygate.rollout.judge.rules import Metric, Rules
from flygate.rollout.judge.statistics import Share
from flygate.rollout.verdict import Outcome

Compared = tuple[Share, Share]


@dataclass(frozen=True, slots=True)
class Shares:
    """The shares of both sides.

    Attributes:
        word: for people.
        too_few: so much more does not matter, however sure it is.
        too_many: so much more must not pass.
        fewer: the same with clients left out that alone must not decide; a verdict of fail holds
            for each of them, or it is none.
        spared: the same without a client that is out of all proportion; a verdict of pass holds
            for one of them, too.
        clients: which clients had them, for people.
    """

    metric: Metric
    word: str
    candidate: Share
    former: Share
    too_few: float
    too_many: float
    fewer: Sequence[Compared] = ()
    spared: Sequence[Compared] = ()
    clients: str = ""

    def judge(self, rules: Rules, *, is_last: bool) -> MetricFinding:
        """Fail on evidence of more, pass on evidence of not too many more."""
        level, whole = rules.fail_level(is_last), (self.candidate, self.former)
        p = statistics.excess(*whole)
        if all(self._is_worse(pair, level) for pair in (whole, *self.fewer)):
            return self._finding("fail", p_text(p), p=p)
        if not is_last:
            return self._finding("inconclusive", "so far", p=p)
        mosts = [statistics.most_excess(*pair, rules.pass_level) for pair in (whole, *self.spared)]
        if min(mosts) < self.too_many:
            comment = "" if mosts[0] < self.too_many else "and none to speak of without that client"
            return self._finding("pass", comment, p=p, most=mosts[0])
        comment = f"{mosts[0] * 100:.1f} points more can't be ruled out"
        if self._is_worse(whole, level):
            comment = "too few clients to decide by"
        return self._finding("inconclusive", comment, p=p, most=mosts[0])

    def _is_worse(self, pair: Compared, level: float) -> bool:
        candidate, former = pair
        more = candidate.rate - former.rate
        return more >= self.too_few and statistics.excess(candidate, former) <= level

    def _finding(self, outcome: Outcome, comment: str = "", **numbers: float) -> MetricFinding:
        text = f"{self.word} {share_text(self.candidate)} against {share_text(self.former)}"
        text += f", {self.clients}" if self.clients else ""
        return MetricFinding(
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
