"""A bounded hash table of packed numbers: fingerprint → TAT, 16 bytes a bucket.

Set-associative: a fingerprint may lie in one of two sets of 8 slots. A slot whose TAT is past
holds a full bucket, which equals none, so it is free: nothing needs sweeping. The table grows
by linear hashing, two sets at a time, within an address range that it reserves at the start: it
never stops to copy itself, and the system gives it memory as it grows.
"""

import mmap
from typing import Final

WAYS: Final = 8
ABSENT: Final = -1

# A fingerprint's first home comes from all its bits, the second from those from here on.
SECOND: Final = 32

_SMALLEST: Final = 64 * WAYS
_LARGEST: Final = 1 << 29
_WORD: Final = 8
# A key whose first set is full makes the table grow by so many sets.
_SPLITS: Final = 2
# After so many vain attempts in a row to make room the table counts as full: then a bucket is
# displaced for one key of 16 only, as trying costs more than all else that a flood's keys do.
_FULL: Final = 16
_MOSTLY: Final = 15
# A set is searched from the home on, in the order of `home ^ way`: most keys are at its beginning.
_WAYS: Final = tuple(range(WAYS))


class Table:
    """Maps 64-bit fingerprints, not 0, to TATs, in about `max_slots` slots at most.

    A home is `fingerprint % modulus`. While the table grows to the next round's size, homes at
    `size` and above are not in use yet: there is nothing in their slots, and their keys are
    found at homes folded down by half the modulus.

    Attributes:
        fingerprints: of each slot; 0 where there is none.
        tats: of each slot. The caller reads and writes them.
        size: the slots that there are now.
        modulus: `size`, or the size at which this round of growth ends.
        max_slots: the slots that there will be at most.
    """

    __slots__ = ("_vain", "fingerprints", "max_slots", "modulus", "size", "tats")

    def __init__(self, max_slots: int) -> None:
        """Start small, at such a size that doubling ends just below `max_slots`."""
        sets = max(min(max_slots, _LARGEST), _SMALLEST) // WAYS
        doublings = max(0, (sets * WAYS // _SMALLEST).bit_length() - 1)
        self.size = (sets >> doublings) * WAYS
        self.max_slots = self.size << doublings
        self.modulus = self.size
        self._vain = 0
        # A fingerprint and its TAT are neighbours: both come with one line of the cache.
        words = _reserve(2 * self.max_slots)
        self.fingerprints = words[::2]
        self.tats = words[1::2]

    @property
    def memory_bytes(self) -> int:
        """What the slots occupy."""
        return 2 * _WORD * self.size

    def find(self, fingerprint: int) -> int:
        """The slot of a fingerprint, or `ABSENT`."""
        fingerprints, modulus, size = self.fingerprints, self.modulus, self.size
        for bits in (fingerprint, fingerprint >> SECOND):
            home = bits % modulus
            if home >= size:
                home -= modulus >> 1
            for way in _WAYS:
                if fingerprints[home ^ way] == fingerprint:
                    return home ^ way
        return ABSENT

    def claim(self, fingerprint: int, now: int) -> int:
        """A free slot for a fingerprint that has none, or `ABSENT` if there is none to be had.

        The caller writes the slot's TAT. No slot whose bucket is not full again is ever given.
        """
        slot = self._settle(self._home(fingerprint), now)
        if slot == ABSENT:
            slot = self._make_room(fingerprint, now)
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

    def _free_way(self, home: int, now: int) -> int:
        tats = self.tats
        for way in _WAYS:
            if tats[home ^ way] <= now:
                return home ^ way
        return ABSENT

    def _settle(self, home: int, now: int) -> int:
        """A free slot of a set: the home, also if a guest that is at home elsewhere must move."""
        slot = self._free_way(home, now)
        if slot in (home, ABSENT) or self._home(self.fingerprints[home]) == home:
            return slot
        self._move(home, slot)
        return home

    def _make_room(self, fingerprint: int, now: int) -> int:
        """A slot for a fingerprint whose first set is full."""
        for _ in range(_SPLITS):
            if self.size < self.max_slots:
                self._split()
        first, second = self._home(fingerprint), self._home(fingerprint >> SECOND)
        slot = self._settle(first, now)
        if slot == ABSENT:
            slot = self._settle(second, now)
        if slot == ABSENT and (self._vain < _FULL or not fingerprint & _MOSTLY):
            slot = self._displace(first, now)
            if slot == ABSENT:
                slot = self._displace(second, now)
        self._vain = 0 if slot != ABSENT else self._vain + 1
        return slot

    def _displace(self, home: int, now: int) -> int:
        """Move one bucket of a full set to its other set, and give its slot."""
        start = home & -WAYS
        for slot in range(start, start + WAYS):
            resident = self.fingerprints[slot]
            for bits in (resident, resident >> SECOND):
                other = self._home(bits)
                if other & -WAYS != start:
                    target = self._free_way(other, now)
                    if target != ABSENT:
                        self._move(slot, target)
                        return slot
        return ABSENT

    def _split(self) -> None:
        """Add one set, and move there what now belongs there."""
        if self.size == self.modulus:
            self.modulus *= 2
        target, source = self.size, self.size - (self.modulus >> 1)
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


def _reserve(words: int) -> "memoryview[int]":
    """Zeros that take up no memory before they are written to; not shared with a fork."""
    size = _WORD * words
    if hasattr(mmap, "MAP_PRIVATE"):
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)
        return memoryview(mmap.mmap(-1, size, flags=flags)).cast("q")
    return memoryview(mmap.mmap(-1, size)).cast("q")  # Windows
