"""Notifies tasks that wait for something to change."""

import asyncio
from collections.abc import Callable


class ChangeNotifier:
    def __init__(self) -> None:
        self._changed = asyncio.Event()

    def notify(self) -> None:
        """Wake all waiting tasks; each checks its own condition."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait_until(self, holds: Callable[[], bool], timeout: float) -> bool:
        """Wait until the condition holds; return False if that was not in time."""
        try:
            async with asyncio.timeout(timeout):
                while not holds():
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True
