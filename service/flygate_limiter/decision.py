"""The answer of one bucket: allowed, denied for a while, or never."""

from typing import Final, NamedTuple

from .quota import NANOS, Quota

NEVER: Final = -1


class Decision(NamedTuple):
    """The answer of one bucket.

    A named tuple and no dataclass: it is made for every request, and a frozen dataclass costs
    four times as much to make.

    Attributes:
        allowed: whether the units were taken.
        wait_ns: 0 if allowed, else the nanoseconds after which the same charge succeeds;
            `NEVER` if the bucket is too small for it.
        owed_ns: nanoseconds until the bucket is full again.
        quota: the bucket's size and refill.
    """

    allowed: bool
    wait_ns: int
    owed_ns: int
    quota: Quota

    @property
    def remaining(self) -> int:
        """Whole units that the bucket still holds."""
        room = self.quota.capacity_ns - self.owed_ns
        return room // self.quota.emission_ns if room > 0 else 0

    @property
    def can_never_fit(self) -> bool:
        """Whether waiting does not help, since the cost is larger than the bucket."""
        return self.wait_ns == NEVER

    @property
    def retry_after_seconds(self) -> int:
        """The whole seconds to wait; never earlier than the bucket allows."""
        return -(-self.wait_ns // NANOS) if self.wait_ns > 0 else 0

    def aged(self, elapsed_ns: int) -> "Decision":
        """Return the decision as it is `elapsed_ns` later, if nothing was taken meanwhile."""
        # A wait that is over while another policy's is not: by now it would be allowed.
        allowed = self.allowed or 0 < self.wait_ns <= elapsed_ns
        wait = self.wait_ns - elapsed_ns if self.wait_ns > elapsed_ns else min(self.wait_ns, 0)
        return Decision(allowed, wait, max(0, self.owed_ns - elapsed_ns), self.quota)


class WindowDecision(Decision):
    """The answer of a sliding window, whose refill follows from its counts alone.

    Attributes:
        until_ns: until it holds all its units again; if it holds less than the cost, until it
            holds that.
    """

    until_ns: int = 0

    @classmethod
    def of(cls, decision: Decision, until_ns: int) -> "WindowDecision":
        """Return a decision with its time."""
        made = cls(*decision)
        made.until_ns = until_ns
        return made

    def aged(self, elapsed_ns: int) -> "WindowDecision":
        """Return the decision as it is `elapsed_ns` later, if nothing was taken meanwhile."""
        # When its units come back is not known here; to say that they are still gone promises
        # nothing that does not come true.
        later = super().aged(elapsed_ns)._replace(owed_ns=self.owed_ns)
        return self.of(later, max(0, self.until_ns - elapsed_ns))
