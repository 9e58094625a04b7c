"""A bounded hash table of packed numbers: fingerprint → TAT, 16 bytes a bucket.

Set-associative: a fingerprint may lie in one of two sets of 8 slots. A slot whose TAT is past
holds a full bucket, which equals none, so it is free: nothing needs sweeping. The table grows
by linear hashing, a set at a time, and so never stops to copy itself.
"""

from array import array
from typing import Final

WAYS: Final = 8
ABSENT: Final = -1

_HALF_BITS: Final = 30
_HALF: Final = (1 << _HALF_BITS) - 1
_EMPTY_SET: Final = array("q", bytes(8 * WAYS))
_SMALLEST: Final = 64 * WAYS
# Sets added per insertion that finds its first set full. With 2 the table settles at about
# three quarters full, and grows faster than it fills.
_SPLITS: Final = 2


class Table:
    """Maps non-zero 64-bit fingerprints to TATs, for at most `max_slots` of them."""

    __slots__ = ("_base", "_doubled", "_largest", "_size", "fingerprints", "tats")

    def __init__(self, max_slots: int) -> None:
        """Start small. The largest size is the next lower multiple that doubling can reach."""
        base = max(1, max_slots // WAYS)
        doublings = 0
        while base * WAYS >= 2 * _SMALLEST:
            base //= 2
            doublings += 1
        self._base = base * WAYS
        self._doubled = 2 * self._base
        self._size = self._base
        self._largest = self._base << doublings
        self.fingerprints = array("q", bytes(8 * self._base))
        self.tats = array("q", bytes(8 * self._base))

    def __len__(self) -> int:
        """The slots that there are now."""
        return self._size

    @property
    def largest(self) -> int:
        """The slots that there will be at most."""
        return self._largest

    @property
    def memory_bytes(self) -> int:
        """What the slots occupy."""
        return 2 * 8 * self._size

    def find(self, fingerprint: int) -> int:
        """The slot of a fingerprint, or `ABSENT`."""
        fingerprints = self.fingerprints
        # `home`, written out: this is the path of every request.
        first = (fingerprint & _HALF) % self._doubled
        if first >= self._size:
            first -= self._base
        if fingerprints[first] == fingerprint:
            return first
        second = ((fingerprint >> _HALF_BITS) & _HALF) % self._doubled
        if second >= self._size:
            second -= self._base
        if fingerprints[second] == fingerprint:
            return second
        for start in (first & -WAYS, second & -WAYS):
            # Most lookups that come here find nothing, and an exception costs more than a copy.
            ways = fingerprints[start : start + WAYS]
            if fingerprint in ways:
                return start + ways.index(fingerprint)
        return ABSENT

    def claim(self, fingerprint: int, now: int) -> int:
        """A free slot for a fingerprint that has none, or `ABSENT` if there is none to be had.

        The caller writes the slot's TAT. No slot whose bucket is not full again is ever given.
        """
        first, second = self._homes(fingerprint)
        slot = self._free_way(first, now)
        if slot == ABSENT and self._size < self._largest:
            self._grow()
            first, second = self._homes(fingerprint)
            slot = self._free_way(first, now)
        if slot == ABSENT:
            slot = self._free_way(second, now)
        if slot != ABSENT:
            self.fingerprints[slot] = fingerprint
        return slot

    def free(self, slot: int) -> None:
        """Forget the bucket of a slot."""
        self.fingerprints[slot] = 0
        self.tats[slot] = 0

    def _homes(self, fingerprint: int) -> tuple[int, int]:
        first = self._home(fingerprint & _HALF)
        return first, self._home((fingerprint >> _HALF_BITS) & _HALF)

    def _home(self, half: int) -> int:
        slot = half % self._doubled
        return slot if slot < self._size else slot - self._base

    def _free_way(self, home: int, now: int) -> int:
        """The home slot itself if it is free, for it is found fastest; else any of its set."""
        tats = self.tats
        if tats[home] <= now:
            return home
        start = home & -WAYS
        for slot in range(start, start + WAYS):
            if tats[slot] <= now:
                return slot
        return ABSENT

    def _grow(self) -> None:
        for _ in range(_SPLITS):
            if self._size < self._largest:
                self._split()

    def _split(self) -> None:
        """Add one set, and move there what now belongs there."""
        source = self._size - self._base
        target = self._size
        self.fingerprints.extend(_EMPTY_SET)
        self.tats.extend(_EMPTY_SET)
        self._size += WAYS
        for way in range(WAYS):
            self._move_if_due(source + way, target + way)
        if self._size == self._doubled:
            self._base = self._doubled
            self._doubled *= 2

    def _move_if_due(self, source: int, target: int) -> None:
        fingerprint = self.fingerprints[source]
        if fingerprint == 0:
            return
        start = source & -WAYS
        if any(home & -WAYS == start for home in self._homes(fingerprint)):
            return
        self.fingerprints[target] = fingerprint
        self.tats[target] = self.tats[source]
        self.free(source)
