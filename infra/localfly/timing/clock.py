"""The local Fly's wall clock; a test can move it on, and leases, autostop and caches follow."""

import asyncio
import contextlib
import time
from collections.abc import Callable

Clock = Callable[[], float]  # seconds since 1970; `time.time` unless a test says otherwise


class MovableClock:
    """Called, it gives seconds since 1970, as `time.time` does."""

    def __init__(self) -> None:
        self._ahead_seconds = 0.0
        self._moved = asyncio.Event()

    def __call__(self) -> float:
        return time.time() + self._ahead_seconds

    @property
    def ahead_seconds(self) -> float:
        return self._ahead_seconds

    def advance(self, seconds: float) -> None:
        """Moves on; whoever sleeps until a time that has come now wakes up."""
        self._ahead_seconds += seconds
        self._moved.set()
        self._moved = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        """Returns when the clock shows that much more."""
        until = self() + seconds
        while (remaining := until - self()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(remaining):
                    await self._moved.wait()
