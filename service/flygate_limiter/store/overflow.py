"""Buckets that keys share which find no slot in the table."""

from array import array
from collections.abc import Callable

from flygate_limiter.quota import Quota


class Overflow:
    """One row of shared buckets for each quota: buckets of different quotas must not be mixed.

    Args:
        width: the buckets of a row.
        on_use: called for each decision that a shared bucket makes.
    """

    __slots__ = ("_on_use", "_rows", "_width")

    def __init__(self, width: int, on_use: Callable[[], None] | None) -> None:
        """Start without a row."""
        self._width = width
        self._rows: dict[Quota, array[int]] = {}
        self._on_use = on_use

    @property
    def memory_bytes(self) -> int:
        """What the rows occupy."""
        return sum(row.itemsize * len(row) for row in self._rows.values())

    def tat(self, fingerprint: int, quota: Quota) -> int:
        """Return the TAT of the bucket that a fingerprint shares."""
        # A key that gets a slot keeps what its shared bucket owed: leaving the overflow must not
        # free a client that was denied there.
        if not self._rows:
            return 0
        row = self._rows.get(quota)
        return row[fingerprint % self._width] if row is not None else 0

    def put(self, fingerprint: int, quota: Quota, tat: int) -> None:
        """Set the TAT of the bucket that a fingerprint shares."""
        row = self._rows.get(quota)
        if row is None:
            row = self._rows[quota] = array("q", [0]) * self._width
        row[fingerprint % self._width] = tat
        if self._on_use is not None:
            self._on_use()
