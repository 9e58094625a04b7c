"""Attempts as `stamina.retry_context` makes them, without what that does around each.

A third of a simulated call would go into its hooks, of which ours is one.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from flygate.fly import retries
from stamina.instrumentation import RetryDetails

On = type[Exception] | Callable[[Exception], bool | float]


class Attempts:
    """Args: as stamina's."""

    def __init__(
        self,
        on: On,
        attempts: int,
        timeout: float | None,
        wait_initial: float = 0.1,
        wait_max: float = 5.0,
        wait_jitter: float = 1.0,
    ) -> None:
        self._on, self._attempts, self._timeout = on, attempts, timeout
        self._waits = (wait_initial, wait_max, wait_jitter)
        self._began = time.monotonic()
        self._attempt: Attempt | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Attempt:
        last = self._attempt
        if last is not None:
            if last.error is None:
                raise StopAsyncIteration
            await asyncio.sleep(last.wait)
        self._attempt = Attempt(self, last.num + 1 if last else 1)
        return self._attempt

    def wait(self, attempt: Attempt, error: Exception) -> float | None:
        """Return the seconds until the next one; None if there is none."""
        if isinstance(self._on, type):
            asked: bool | float = isinstance(error, self._on)
        else:
            asked = self._on(error)
        if asked is False or attempt.num >= self._attempts:
            return None
        if self._timeout is not None and time.monotonic() - self._began >= self._timeout:
            return None
        initial, longest, jitter = self._waits
        drawn = initial * 2.0 ** (attempt.num - 1) + random.uniform(0, jitter)
        return min(longest, drawn) if asked is True else asked


class Attempt:
    """One of them.

    Attributes:
        num: from 1.
        error: how it failed, if another one follows.
        wait: for this many seconds then.
    """

    def __init__(self, attempts: Attempts, num: int) -> None:
        self.num = num
        self.error: Exception | None = None
        self.wait = 0.0
        self._attempts = attempts

    def __enter__(self) -> None:
        """It begins."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        wait = self._attempts.wait(self, error)
        if wait is None:
            return False
        self.error, self.wait = error, wait
        retries._announce(RetryDetails("", (), {}, self.num, wait, 0.0, error))
        return True
