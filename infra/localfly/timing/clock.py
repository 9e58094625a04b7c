"""The local Fly's wall clock. A test can move it on; leases, autostop and caches follow."""

import asyncio
import contextlib
import time
from collections.abc import Callable

Clock = Callable[[], float]  # seconds since 1970; `time.time` unless a test says otherwise


class MovableClock:
    """Returns seconds since 1970 when called, as `time.time` does."""

    def __init__(self) -> None:
        self._ahead_seconds = 0.0
        self._moved = asyncio.Event()

    def __call__(self) -> float:
        return time.time() + self._ahead_seconds

    @property
    def ahead_seconds(self) -> float:
        return self._ahead_seconds

    def advance(self, seconds: float) -> None:
        """Move on, and wake the tasks whose time has come."""
        self._ahead_seconds += seconds
        self._moved.set()
        self._moved = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        """Return when the clock has moved on by `seconds`."""
        until = self() + seconds
        while (remaining := until - self()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(remaining):
                    await self._moved.wait()
