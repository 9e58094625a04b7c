"""What leaves a store: time owed, never a time of this machine's clock."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace
from heapq import nlargest
from operator import itemgetter
from typing import Final, Protocol, Self

from flygate_limiter.charge import Key
from flygate_limiter.errors import ForeignSnapshotError
from flygate_limiter.fingerprint import Fingerprint

_PROBE: Final[Key] = ("flygate", "seed probe")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Buckets that are not full, as what they owe: it means the same on another machine.

    Attributes:
        seed_probe: the fingerprint of a known key; a store with another seed refuses.
        owed: pairs of fingerprint and the nanoseconds until the bucket is full.
    """

    seed_probe: int
    owed: tuple[tuple[int, int], ...] = ()

    @classmethod
    def by(cls, fingerprint: Fingerprint, owed: Iterable[tuple[int, int]] = ()) -> Self:
        """Return the snapshot of a store that names its buckets by this hash."""
        return cls(fingerprint(_PROBE), tuple(owed))

    def largest(self, count: int) -> Self:
        """Return the largest debts, `count` at most: locks are among them."""
        if len(self.owed) <= count:
            return self
        return replace(self, owed=tuple(nlargest(count, self.owed, key=itemgetter(1))))

    def check(self, fingerprint: Fingerprint) -> None:
        """Refuse a snapshot of a store that names its buckets by another hash.

        Raises:
            ForeignSnapshotError: it is one.
        """
        if self.seed_probe != fingerprint(_PROBE):
            raise ForeignSnapshotError(
                "the snapshot was made with another seed, so its fingerprints mean nothing here;"
                " give both stores the same `fingerprint`"
            )


class Portable(Protocol):
    """A store whose buckets can move into another one, of whichever kind."""

    def export(self) -> AsyncIterator[Snapshot]:
        """Yield what the buckets owe that are not full."""
        ...

    async def restore(self, snapshot: Snapshot) -> int:
        """Take over buckets; where both have one, the later TAT wins. Returns how many were kept.

        So restoring is safe in any order and more than once.

        Raises:
            ForeignSnapshotError: the snapshot was made with another seed.
        """
        ...
