"""The seam between deciding and keeping: what every store offers."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from flygate_limiter.decision import Decision
from flygate_limiter.quota import Quota

# (the policy's name, who asks): a tuple, so that no choice of names can make two buckets one.
Key = tuple[str, str]

# The bucket that is full again when the last block ends, whoever is blocked.
BLOCKS: Final[Key] = ("blocked", "")

# The most buckets that one request may be charged to: a command to Redis numbers them by a byte
# of which it needs one bit.
MOST_PER_REQUEST: Final = 128


class Failure(StrEnum):
    """What becomes of a request when the store cannot be asked."""

    FAIR_SHARE = "fair_share"  # decided by this process, with its share of the quota
    OPEN = "open"  # it passes
    CLOSED = "closed"  # it is refused


class Source(StrEnum):
    """Where an answer came from: a makeshift one must not be mistaken for a real one."""

    MEMORY = "memory"
    DENY_LIST = "deny_list"  # the address is refused whatever it asks for
    REDIS = "redis"
    DENY_CACHE = "deny_cache"  # denied by Redis a moment ago
    FAIR_SHARE = "fair_share"
    FAILED_OPEN = "failed_open"
    FAILED_CLOSED = "failed_closed"


class Charge(NamedTuple):
    """One bucket that a request is charged to.

    Attributes:
        key: the bucket's name.
        quota: its size and refill.
        cost: the units to take.
        binding: whether its denial counts. A bucket in shadow mode is not binding: it is
            charged beside the others and stops nobody.
        failure: what becomes of it when the store cannot be asked.
        along: whether it only follows what binds: it is charged if the request is not refused, and
            as far as the bucket goes. So are the buckets of a policy's other quotas.
    """

    key: Key
    quota: Quota
    cost: int = 1
    binding: bool = True
    failure: Failure = Failure.FAIR_SHARE
    along: bool = False


class Taken(NamedTuple):
    """What came of some charges, and who said so."""

    decisions: list[Decision]
    source: Source


class Store(Protocol):
    """Keeps buckets, and takes from several of them at once or from none."""

    async def take(self, charges: Sequence[Charge]) -> Taken:
        """Take every charge if all the binding ones fit, else nothing; one decision for each."""
        ...

    async def peek(self, key: Key, quota: Quota) -> Decision:
        """Look at a bucket and take nothing."""
        ...

    async def give_back(self, charge: Charge) -> None:
        """Return units that were taken and not used."""
        ...

    async def reset(self, key: Key) -> bool:
        """Make a bucket full again; False if it was not known."""
        ...

    async def owe(self, key: Key, quota: Quota, owed_ns: int) -> None:
        """Set how long a bucket takes until it is full again."""
        ...

    async def aclose(self) -> None:
        """Let go of connections."""
        ...


def is_refused(charges: Sequence[Charge], decisions: Sequence[Decision]) -> bool:
    """Whether a binding charge was denied."""
    for charge, decision in zip(charges, decisions, strict=True):
        if charge.binding and not decision.allowed:
            return True
    return False
