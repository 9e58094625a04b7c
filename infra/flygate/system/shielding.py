"""Runs what must not stop half-way: a second Ctrl-C waits until it is done."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


async def shielded(job: Coroutine[Any, Any, Result]) -> Result:
    """Run a job to its end, also if the caller is cancelled meanwhile."""
    task = asyncio.ensure_future(job)
    while not task.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([task])
    return task.result()
