"""Waiting for what nothing reports: ask, pause, ask again."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


def poll(check: Callable[[], T], *, seconds: float, pause: float) -> T:
    """Call `check` until its answer is true or the time is over; return the last answer."""
    deadline = time.monotonic() + seconds
    while not (answer := check()) and time.monotonic() < deadline:
        time.sleep(pause)
    return answer


async def poll_async(check: Callable[[], object | Awaitable[object]], *, pause: float) -> None:
    """Call `check` until its answer is true; `asyncio.timeout` bounds it."""
    while not await _answer(check()):  # noqa: ASYNC110 (this is the one place)
        await asyncio.sleep(pause)


async def _answer(found: object | Awaitable[object]) -> object:
    return await found if inspect.isawaitable(found) else found
