"""What one bucket answers: allowed, not before a time, or never."""

from typing import Final, NamedTuple

from .quota import NANOS, Quota

NEVER: Final = -1


class Decision(NamedTuple):
    """The answer of one bucket.

    A named tuple and no dataclass: it is made for every request, and a frozen dataclass costs
    four times as much to make.

    Attributes:
        allowed: whether the units were taken.
        wait_ns: 0 if allowed, else the nanoseconds after which the same ask succeeds;
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
        """Whether waiting is of no use, since the cost is larger than the bucket."""
        return self.wait_ns == NEVER

    @property
    def retry_after_seconds(self) -> int:
        """The whole seconds to wait; never earlier than the bucket itself allows."""
        return -(-self.wait_ns // NANOS) if self.wait_ns > 0 else 0
