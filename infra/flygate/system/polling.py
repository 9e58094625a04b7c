"""Poll: look again and again, until what is seen is what is wanted, or the time is up."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

Value = TypeVar("Value")


def _monotonic() -> float:
    # Looked up at each call: a simulation replaces the clocks of `time`.
    return time.monotonic()


@dataclass(frozen=True, slots=True)
class Clock:
    """The time that a poll goes by; a test gives a virtual one.

    Attributes:
        now: seconds, monotonic.
        sleep: wait for some seconds.
    """

    now: Callable[[], float] = _monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


REAL: Final = Clock()


def is_known(value: object) -> bool:
    """Return whether a look found anything: None means to look again."""
    return value is not None


async def poll(
    look: Callable[[], Awaitable[Value]],
    is_wanted: Callable[[Value], bool] = is_known,
    *,
    every: float,
    within: float = math.inf,
    clock: Clock = REAL,
) -> Value:
    """Return the first wanted value of `look`, or its last value when the time is up.

    It looks at least once, and a look that has begun is awaited. What `look` raises ends the poll.

    Args:
        every: seconds from the end of one look to the next.
        within: seconds after which it sleeps no more: one look may follow the last sleep.
    """
    deadline = clock.now() + within
    while True:
        value = await look()
        if is_wanted(value) or clock.now() > deadline:
            return value
        await clock.sleep(every)
