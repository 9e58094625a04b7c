"""The line before the password check: bounded, since each check takes memory and a core."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

# Of these places strangers leave a quarter to devices that have logged in before.
_PLACES: Final = 32
_STRANGERS: Final = _PLACES * 3 // 4


class LineFull(Exception):
    """Whoever is here was not let in; nothing was counted."""


class Line:
    """Those who are being checked, and those who wait for it.

    A flood of logins fills it and gets no further: neither the memory nor the time that others
    wait grows with the flood.
    """

    def __init__(self) -> None:
        """Nobody is here."""
        self._inside = 0

    @contextmanager
    def place(self, is_known: bool) -> Iterator[None]:
        """Hold a place.

        Args:
            is_known: the device has logged in to the account before.

        Raises:
            LineFull: there is none.
        """
        if self._inside >= (_PLACES if is_known else _STRANGERS):
            raise LineFull
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1
