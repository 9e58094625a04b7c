"""Work in the background, in one task group: what fails is reported, and begins again."""

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
    """Runs work in the background until it is done, or no longer needed, whatever it raises.

    All of it is in one task group, from `running` on until that ends.

    Args:
        on_failure: called with the work's name for each failure.
        pause_seconds: between a failure and the next try; it doubles with each that follows.
    """

    def __init__(
        self,
        on_failure: Callable[[str, Exception], None] = log_failure,
        pause_seconds: float = _FIRST_PAUSE_SECONDS,
    ) -> None:
        """Run nothing yet."""
        self._on_failure = on_failure
        self._pause_seconds = pause_seconds
        self._group: asyncio.TaskGroup | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        # Those of them that end by themselves.
        self._finite: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Own all work, until the context ends; what still runs then is cancelled."""
        failure: Exception | None = None
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                yield
            except Exception as exc:
                failure = exc
            finally:
                self._group = None
                for task in self._tasks:
                    task.cancel()
        if failure is not None:
            raise failure

    @asynccontextmanager
    async def background(self, name: str, work: Work) -> AsyncIterator[None]:
        """Run work that never ends by itself, until the context ends.

        Raises:
            RuntimeError: the supervisor is not running.
        """
        if self._group is None:
            raise RuntimeError(f"{name}: the supervisor is not running")
        task = self._begin(self._group, name, work)
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    def spawn(self, name: str, work: Work) -> None:
        """Begin work that ends by itself; `finish` waits for it.

        Before `running` and after it nothing is begun: no machine needs it then.
        """
        if self._group is not None:
            task = self._begin(self._group, name, work)
            self._finite.add(task)
            task.add_done_callback(self._finite.discard)

    async def finish(self, seconds: float) -> None:
        """Wait for what was spawned, and cancel what needs longer."""
        if self._finite:
            _, late = await asyncio.wait(self._finite, timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _begin(self, group: asyncio.TaskGroup, name: str, work: Work) -> asyncio.Task[None]:
        task = group.create_task(self._until_done(name, work), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _until_done(self, name: str, work: Work) -> None:
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
