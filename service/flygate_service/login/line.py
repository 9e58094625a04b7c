"""The line before the password check: bounded, since each check takes memory and a core."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

# How many may be in line, and for how many seconds they wait for their turn. Strangers leave a part
# of both to devices that have logged in before.
_STRANGERS: Final = (12, 3)
_KNOWN: Final = (16, 6)


class QueueFullError(Exception):
    """There is no place in line; nothing was counted.

    Attributes:
        wait_seconds: when to come again: those in line will have been served, or have left.
    """

    def __init__(self) -> None:
        """Say when to come again."""
        self.wait_seconds = _STRANGERS[1]
        super().__init__(f"too many logins at once; try again in {self.wait_seconds} s")


class Line:
    """Those who are being checked, and those who wait for it.

    A flood of logins fills it and gets no further: neither the memory nor the time that others
    wait grows with the flood.
    """

    def __init__(self, at_once: int) -> None:
        """Begin empty; `at_once` attempts are checked at a time."""
        self._inside = 0
        self._turns = asyncio.Semaphore(at_once)

    @asynccontextmanager
    async def turn(self, is_known: bool) -> AsyncIterator[None]:
        """Wait for a turn, and hold it.

        Args:
            is_known: the device has logged in to the account before.

        Raises:
            QueueFullError: there is no place in line, or the turn did not come in time.
        """
        places, patience = _KNOWN if is_known else _STRANGERS
        if self._inside >= places:
            raise QueueFullError
        self._inside += 1
        try:
            await self._wait(patience)
            try:
                yield
            finally:
                self._turns.release()
        finally:
            self._inside -= 1

    async def _wait(self, patience: float) -> None:
        try:
            async with asyncio.timeout(patience):
                await self._turns.acquire()
        except TimeoutError as exc:
            raise QueueFullError from exc
