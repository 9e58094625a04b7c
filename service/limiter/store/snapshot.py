"""What leaves a store: time owed, never an instant of this machine's clock."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Buckets that are not full, as what they owe: it means the same on another machine.

    Attributes:
        seed_probe: the fingerprint of a known key; a store with another seed refuses.
        owed: pairs of fingerprint and the nanoseconds until the bucket is full.
    """

    seed_probe: int
    owed: tuple[tuple[int, int], ...]
