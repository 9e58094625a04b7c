"""The decisions of all policies of a request."""

from dataclasses import dataclass

from .decision import Decision
from .policies.policy import Mode, Policy
from .source import Source


# Not frozen, for its cost; only the limiter makes one.
@dataclass(slots=True)
class Verdict:
    """The decisions of every policy that applied to a request.

    Attributes:
        allowed: whether the request may go on; policies in shadow mode do not count.
        results: each policy with its decision. Empty if no policy applied.
        source: where the decisions came from.
    """

    allowed: bool
    results: tuple[tuple[Policy, Decision], ...]
    source: Source = Source.MEMORY

    @property
    def enforced(self) -> list[tuple[Policy, Decision]]:
        """The policies that can refuse, with their decisions: what the client sees."""
        return [pair for pair in self.results if pair[0].mode is Mode.ENFORCE]

    @property
    def violated(self) -> list[tuple[Policy, Decision]]:
        """The policies that refuse the request."""
        return [pair for pair in self.enforced if not pair[1].allowed]

    @property
    def can_never_fit(self) -> bool:
        """Whether the request costs more than a bucket holds, so that waiting does not help."""
        return any(decision.can_never_fit for _, decision in self.violated)

    @property
    def retry_after_seconds(self) -> int:
        """The longest wait of all violated policies, in whole seconds."""
        return max((decision.retry_after_seconds for _, decision in self.violated), default=0)
