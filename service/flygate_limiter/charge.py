"""What a request takes from one bucket."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from .decision import Decision
from .quota import Quota

# (the policy's name, the subject): a tuple, so that no choice of names makes two buckets one.
Key = tuple[str, str]

# The most buckets that one request may be charged to: a command to Redis numbers them by a byte
# of which it needs one bit.
MOST_PER_REQUEST: Final = 128


class Failure(StrEnum):
    """What happens to a request while the store cannot be asked."""

    FAIR_SHARE = "fair_share"  # decided by this process, with its share of the quota
    OPEN = "open"  # it passes
    CLOSED = "closed"  # it is refused


class Charge(NamedTuple):
    """One bucket that a request is charged to.

    Attributes:
        key: the bucket's name.
        quota: its size and refill.
        cost: the units to take.
        binding: whether its denial counts. A bucket in shadow mode is not binding: it is
            charged beside the others and refuses nothing.
        failure: what happens to it while the store cannot be asked.
        along: whether it only follows what binds: it is charged if the request is not refused, and
            as far as the bucket goes. So are the buckets of a policy's other quotas.
    """

    key: Key
    quota: Quota
    cost: int = 1
    binding: bool = True
    failure: Failure = Failure.FAIR_SHARE
    along: bool = False


def is_refused(charges: Sequence[Charge], decisions: Sequence[Decision]) -> bool:
    """Whether a binding charge was denied."""
    for charge, decision in zip(charges, decisions, strict=True):
        if charge.binding and not decision.allowed:
            return True
    return False
