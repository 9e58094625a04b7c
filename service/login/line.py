"""The line before the password check: bounded, since each check takes memory and a core."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from typing import Final, Protocol

# How many may be in line, and how long the last of them may have to wait. Strangers leave a part
# of both to devices that have logged in before.
_STRANGERS: Final = (12, 3.0)
_KNOWN: Final = (16, 6.0)


class Checker(Protocol):
    """Who checks those in line.

    Attributes:
        at_once: how many at a time.
        seconds: how long one takes at present.
    """

    at_once: int
    seconds: float


class LineFull(Exception):
    """Whoever is here was not let in; nothing was counted.

    Attributes:
        wait_seconds: when those who are in line will have been served; 1 at least.
    """

    def __init__(self, wait_seconds: int) -> None:
        """Say when to come again."""
        super().__init__(f"too many logins at once; there may be room in {wait_seconds} s")
        self.wait_seconds = wait_seconds


class Line:
    """Those who are being checked, and those who wait for it.

    A flood of logins fills it and gets no further: neither the memory nor the time that others
    wait grows with the flood.
    """

    def __init__(self, checker: Checker) -> None:
        """Nobody is here."""
        self._checker = checker
        self._inside = 0

    @contextmanager
    def place(self, is_known: bool) -> Iterator[None]:
        """Hold a place.

        Args:
            is_known: the device has logged in to the account before.

        Raises:
            LineFull: there is none, or the wait would be too long.
        """
        places, patience = _KNOWN if is_known else _STRANGERS
        wait = self._inside * self._checker.seconds / self._checker.at_once
        if self._inside >= places or wait > patience:
            raise LineFull(max(1, ceil(wait)))
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1
