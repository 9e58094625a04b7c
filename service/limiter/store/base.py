"""The seam between deciding and keeping: what every store offers."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from service.limiter.decision import Decision
from service.limiter.quota import Quota

# (the policy's name, who asks): a tuple, so that no choice of names can make two buckets one.
Key = tuple[str, str]


class Charge(NamedTuple):
    """One bucket that a request is charged to.

    Attributes:
        key: the bucket's name.
        quota: its size and refill.
        cost: the units to take.
        binding: whether its denial counts. A bucket in shadow mode is not binding: it is
            charged beside the others and stops nobody.
    """

    key: Key
    quota: Quota
    cost: int = 1
    binding: bool = True


class Store(Protocol):
    """Keeps buckets, and takes from several of them at once or from none."""

    async def take(self, charges: Sequence[Charge]) -> list[Decision]:
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

    async def block(self, key: Key, quota: Quota, seconds: float) -> None:
        """Let a bucket give nothing for so long."""
        ...
