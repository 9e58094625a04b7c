"""The seam between deciding and keeping: what every store offers, and what some can do besides.

What a store can do besides is one of its attributes, None where it cannot.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from flygate_limiter.algorithm import Algorithm, Taker
from flygate_limiter.charge import Charge, Key
from flygate_limiter.decision import Decision
from flygate_limiter.fingerprint import Fingerprint
from flygate_limiter.quota import Quota
from flygate_limiter.source import Source

from .quota_board import QuotaBoard
from .snapshot import Portable, Snapshot

# The bucket that is full again when the last block ends, of whichever key that is.
BLOCKS: Final[Key] = ("blocked", "")


class Taken(NamedTuple):
    """The decisions on some charges, and where they came from."""

    decisions: list[Decision]
    source: Source


class StoreHealth(NamedTuple):
    """How a store outside this process does.

    Attributes:
        is_degraded: whether it is not asked at present, since it failed.
        problem: why it did not answer when it was last asked; "" if it did. Without secrets,
            though it names the server.
    """

    is_degraded: bool
    problem: str


class Store(Protocol):
    """Keeps buckets, and takes from several of them at once or from none."""

    @property
    def algorithm(self) -> Algorithm:
        """How it counts."""
        ...

    @property
    def instant(self) -> "InstantStore | None":
        """The store without awaits, if it is in this process."""
        ...

    @property
    def portable(self) -> Portable | None:
        """The store as one whose buckets can move, if they can."""
        ...

    @property
    def board(self) -> QuotaBoard | None:
        """Where machines that share the store read each other's quotas, if they share it."""
        ...

    @property
    def health(self) -> StoreHealth | None:
        """How the store outside this process does, if there is one."""
        ...

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
        """Close connections."""
        ...


class InstantStore(Protocol):
    """A store in this process: it answers without an await."""

    @property
    def fingerprint(self) -> Fingerprint:
        """The hash that names its buckets."""
        ...

    @property
    def memory_bytes(self) -> int:
        """What the buckets occupy now."""
        ...

    @property
    def may_block(self) -> bool:
        """Whether a key is blocked, or was; known without a look at any bucket."""
        ...

    def has_blocks(self) -> bool:
        """Whether a key is blocked now."""
        ...

    def taker(self, name: str, quota: Quota) -> Taker:
        """Return the function that takes from the buckets of one name and quota."""
        ...

    def take_one(self, key: Key, quota: Quota, cost: int = 1) -> Decision:
        """Take from a single bucket."""
        ...

    def peek_now(self, key: Key, quota: Quota, cost: int = 0) -> Decision:
        """Return what `take_one` would answer; nothing is taken."""
        ...

    def lasts_ns(self, key: Key) -> int:
        """Return how long until a bucket in the table is full; 0 if it is not there."""
        ...

    def owe_now(self, key: Key, quota: Quota, owed_ns: int) -> None:
        """Set how long a bucket takes until it is full again, if that is later than before."""
        ...

    def export_now(self) -> Snapshot:
        """Return what the buckets owe that are not full, to be restored in another store."""
        ...

    def restore_now(self, snapshot: Snapshot) -> int:
        """Take over buckets; the later TAT wins. Returns how many were kept."""
        ...
