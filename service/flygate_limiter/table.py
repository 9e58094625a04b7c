"""A bounded hash table of packed numbers: fingerprint → TAT, 17 bytes a bucket.

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
# The sets by which the table grows for a key whose first set is full.
_SPLITS: Final = 2
# After this many failed attempts in a row to make room the table counts as full: then a bucket is
# displaced for one key of 16 only, as trying costs more than the rest of a flood's calls.
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
        evictions: the buckets that were forgotten, though not full, to make room.
    """

    __slots__ = (
        "_failures",
        "_grains",
        "evictions",
        "fingerprints",
        "max_slots",
        "modulus",
        "size",
        "tats",
    )

    def __init__(self, max_slots: int) -> None:
        """Start small, at such a size that doubling ends just below `max_slots`."""
        sets = max(min(max_slots, _LARGEST), _SMALLEST) // WAYS
        doublings = max(0, (sets * WAYS // _SMALLEST).bit_length() - 1)
        self.size = (sets >> doublings) * WAYS
        self.max_slots = self.size << doublings
        self.modulus = self.size
        self.evictions = 0
        self._failures = 0
        # A fingerprint and its TAT are neighbours: both come with one line of the cache.
        words = _reserve(2 * _WORD * self.max_slots).cast("q")
        self.fingerprints = words[::2]
        self.tats = words[1::2]
        self._grains = _reserve(self.max_slots)

    @property
    def memory_bytes(self) -> int:
        """What the slots occupy."""
        return (2 * _WORD + 1) * self.size

    def find(self, fingerprint: int) -> int:
        """Return the slot of a fingerprint, or `ABSENT`."""
        fingerprints, modulus, size = self.fingerprints, self.modulus, self.size
        for bits in (fingerprint, fingerprint >> SECOND):
            home = bits % modulus
            if home >= size:
                home -= modulus >> 1
            for way in _WAYS:
                if fingerprints[home ^ way] == fingerprint:
                    return home ^ way
        return ABSENT

    def claim(self, fingerprint: int, now: int, grain: int = 0) -> int:
        """Return a free slot for a fingerprint that has none, or `ABSENT` if there is none.

        The caller writes the slot's TAT. If nothing is free, a bucket is forgotten that owes
        less than `1 << grain` nanoseconds, by the grain that its own claim gave; with a grain
        of 0 it never is.
        """
        slot = self._settle(self._home(fingerprint), now)
        if slot == ABSENT:
            slot = self._make_room(fingerprint, now)
        else:
            self._failures = 0
        if slot != ABSENT:
            self.fingerprints[slot] = fingerprint
            self._grains[slot] = grain
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
        """Return a free slot of a set: the home, even if a guest must move out of it."""
        slot = self._free_way(home, now)
        if slot in (home, ABSENT) or self._home(self.fingerprints[home]) == home:
            return slot
        self._move(home, slot)
        return home

    def _make_room(self, fingerprint: int, now: int) -> int:
        """Return a slot for a fingerprint whose first set is full."""
        for _ in range(_SPLITS):
            if self.size < self.max_slots:
                self._split()
        first, second = self._home(fingerprint), self._home(fingerprint >> SECOND)
        slot = self._settle(first, now)
        if slot == ABSENT:
            slot = self._settle(second, now)
        if slot == ABSENT and (self._failures < _FULL or not fingerprint & _MOSTLY):
            slot = self._displace(first, now)
            if slot == ABSENT:
                slot = self._displace(second, now)
        if slot != ABSENT:
            self._failures = 0
            return slot
        self._failures += 1
        slot = self._evict(first, now)
        return slot if slot != ABSENT else self._evict(second, now)

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

    def _evict(self, home: int, now: int) -> int:
        tats, grains = self.tats, self._grains
        for way in _WAYS:
            slot = home ^ way
            if tats[slot] - now < 1 << grains[slot]:
                self.evictions += 1
                return slot
        return ABSENT

    def _split(self) -> None:
        """Add one set, and move into it what now belongs there."""
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
        self._grains[target] = self._grains[source]
        self.free(source)


def _reserve(size: int) -> "memoryview[int]":
    """Return zeros that take up no memory before they are written to; not shared with a fork."""
    if hasattr(mmap, "MAP_PRIVATE"):
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)
        return memoryview(mmap.mmap(-1, size, flags=flags))
    return memoryview(mmap.mmap(-1, size))  # Windows
