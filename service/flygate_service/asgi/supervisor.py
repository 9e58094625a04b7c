"""Work in the background that goes on: a failure is told, and the work begins again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 30.0

Work = Callable[[], Awaitable[None]]


def log_failure(name: str, error: Exception) -> None:
    """Log a failure: the default where no telemetry is wired."""
    logging.getLogger("flygate_service").error("%s failed and begins again", name, exc_info=error)


class Supervisor:
    """Runs work until it is done or no longer wanted, whatever it raises meanwhile.

    Args:
        on_failure: told of each failure, with the work's name.
        pause_seconds: between a failure and the next try; it doubles with each that follows.
    """

    def __init__(
        self,
        on_failure: Callable[[str, Exception], None] = log_failure,
        pause_seconds: float = _FIRST_PAUSE_SECONDS,
    ) -> None:
        """Nothing runs."""
        self._on_failure = on_failure
        self._pause_seconds = pause_seconds
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, name: str, work: Work) -> None:
        """Do something, again and again until it ends without an error."""
        pause = self._pause_seconds
        while True:
            try:
                await work()
            except Exception as exc:
                self._on_failure(name, exc)
            else:
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    @asynccontextmanager
    async def running(self, name: str, work: Work) -> AsyncIterator[None]:
        """Have something done in the background, until the context ends."""
        task = asyncio.ensure_future(self.run(name, work))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def spawn(self, name: str, work: Work) -> None:
        """Begin something that ends by itself; `finish` waits for it."""
        task = asyncio.ensure_future(self.run(name, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self, seconds: float) -> None:
        """Wait for what was spawned; what fails all the time is given up."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
