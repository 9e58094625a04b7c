"""Those who wait for something to change, and are told whenever it may have."""

import asyncio
from collections.abc import Callable


class ChangeNotifier:
    def __init__(self) -> None:
        self._changed = asyncio.Event()

    def notify(self) -> None:
        """Wakes all who wait; each looks for itself whether it is what they wait for."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait_until(self, holds: Callable[[], bool], timeout: float) -> bool:
        """Waits until it holds; False if that was not in time."""
        try:
            async with asyncio.timeout(timeout):
                while not holds():
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True
