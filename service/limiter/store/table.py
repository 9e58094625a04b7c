"""A bounded hash table of packed numbers: fingerprint → TAT, 16 bytes a bucket.

Set-associative: a fingerprint may lie in one of two sets of 8 slots. A slot whose TAT is past
holds a full bucket, which equals none, so it is free: nothing needs sweeping. The table grows
by linear hashing, a set at a time, and so never stops to copy itself.
"""

from array import array
from typing import Final

WAYS: Final = 8
ABSENT: Final = -1

# A fingerprint's first home comes from all its bits, the second from those from here on.
SECOND: Final = 32

_EMPTY_SET: Final = array("q", bytes(8 * WAYS))
_SMALLEST: Final = 64 * WAYS
_LARGEST: Final = 1 << 29
# A key that finds so few free slots in its two sets makes the table grow by so many sets.
_CROWDED: Final = 3
_SPLITS: Final = 2


class Table:
    """Maps non-zero 64-bit fingerprints to TATs, in about `max_slots` slots at most.

    A home is `fingerprint % modulus`. While the table grows to the next round's size, homes at
    `size` and above do not exist yet, and are folded down by half the modulus.

    Attributes:
        fingerprints: of each slot; 0 where there is none.
        tats: of each slot. The caller reads and writes them.
        size: the slots that there are now.
        modulus: `size`, or the size at which this round of growth ends.
        max_slots: the slots that there will be at most.
    """

    __slots__ = ("fingerprints", "max_slots", "modulus", "size", "tats")

    def __init__(self, max_slots: int) -> None:
        """Start small, at such a size that doubling ends just below `max_slots`."""
        sets = max(min(max_slots, _LARGEST), _SMALLEST) // WAYS
        doublings = max(0, (sets * WAYS // _SMALLEST).bit_length() - 1)
        self.size = (sets >> doublings) * WAYS
        self.max_slots = self.size << doublings
        self.modulus = self.size
        self.fingerprints = array("q", bytes(8 * self.size))
        self.tats = array("q", bytes(8 * self.size))

    @property
    def memory_bytes(self) -> int:
        """What the slots occupy."""
        return 2 * 8 * self.size

    def find(self, fingerprint: int) -> int:
        """The slot of a fingerprint, or `ABSENT`."""
        fingerprints = self.fingerprints
        first = self._home(fingerprint)
        if fingerprints[first] == fingerprint:
            return first
        second = self._home(fingerprint >> SECOND)
        if fingerprints[second] == fingerprint:
            return second
        # Most lookups that come here find nothing, and an exception costs more than a copy.
        start = first & -WAYS
        ways = fingerprints[start : start + WAYS]
        if fingerprint in ways:
            return start + ways.index(fingerprint)
        start = second & -WAYS
        ways = fingerprints[start : start + WAYS]
        if fingerprint in ways:
            return start + ways.index(fingerprint)
        return ABSENT

    def claim(self, fingerprint: int, now: int) -> int:
        """A free slot for a fingerprint that has none, or `ABSENT` if there is none to be had.

        The caller writes the slot's TAT. No slot whose bucket is not full again is ever given.
        """
        slot = self._choose(fingerprint, now)
        if slot != ABSENT:
            self.fingerprints[slot] = fingerprint
        return slot

    def free(self, slot: int) -> None:
        """Forget the bucket of a slot."""
        self.fingerprints[slot] = 0
        self.tats[slot] = 0

    def _home(self, bits: int) -> int:
        slot = bits % self.modulus
        return slot if slot < self.size else slot - (self.modulus >> 1)

    def _choose(self, fingerprint: int, now: int) -> int:
        """A slot of the emptier set; if both are full, one whose bucket can live elsewhere."""
        first, second = self._home(fingerprint), self._home(fingerprint >> SECOND)
        some, others = self._free_ways(first, now), self._free_ways(second, now)
        if some + others <= _CROWDED and self.size < self.max_slots:
            self._grow()
            first, second = self._home(fingerprint), self._home(fingerprint >> SECOND)
            some, others = self._free_ways(first, now), self._free_ways(second, now)
        if some + others > 0:
            return self._free_way(first if some >= others else second, now)
        slot = self._displace(first, now)
        return slot if slot != ABSENT else self._displace(second, now)

    def _free_ways(self, home: int, now: int) -> int:
        start = home & -WAYS
        return sum(map(now.__ge__, self.tats[start : start + WAYS]))

    def _free_way(self, home: int, now: int) -> int:
        tats = self.tats
        if tats[home] <= now:
            return home
        start = home & -WAYS
        return next((slot for slot in range(start, start + WAYS) if tats[slot] <= now), ABSENT)

    def _displace(self, home: int, now: int) -> int:
        """Move one bucket of a full set to its other set, and give its slot."""
        start = home & -WAYS
        for slot in range(start, start + WAYS):
            resident = self.fingerprints[slot]
            for bits in (resident, resident >> SECOND):
                target = self._free_way(self._home(bits), now)
                if target != ABSENT:
                    self._move(slot, target)
                    return slot
        return ABSENT

    def _grow(self) -> None:
        for _ in range(_SPLITS):
            if self.size < self.max_slots:
                self._split()

    def _split(self) -> None:
        """Add one set, and move there what now belongs there."""
        if self.size == self.modulus:
            self.modulus *= 2
        target, source = self.size, self.size - (self.modulus >> 1)
        self.fingerprints.extend(_EMPTY_SET)
        self.tats.extend(_EMPTY_SET)
        self.size += WAYS
        for way in range(WAYS):
            self._move_if_due(source + way, target + way)

    def _move_if_due(self, source: int, target: int) -> None:
        fingerprint = self.fingerprints[source]
        if fingerprint == 0:
            return
        start = source & -WAYS
        first, second = self._home(fingerprint), self._home(fingerprint >> SECOND)
        if first & -WAYS != start and second & -WAYS != start:
            self._move(source, target)

    def _move(self, source: int, target: int) -> None:
        self.fingerprints[target] = self.fingerprints[source]
        self.tats[target] = self.tats[source]
        self.free(source)
