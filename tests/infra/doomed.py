"""A release in a process of its own that is killed outright at a moment of our choice."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from dataclasses import dataclass
from pathlib import Path

from flygate.commands import release as release_op
from flygate.commands.recovery import Recovered
from flygate.commands.request import ReleaseRequest
from flygate.commands.workspace import Listener, Workspace
from flygate.fly.client import FlyClient
from flygate.fly.endpoints import Endpoints
from flygate.fly.pace import Pace
from flygate.record.journal import Event
from flygate.record.ledger import Ledger


class KilledError(BaseException):
    """Raised by a listener in this process, as if that were gone: nothing is taken back."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the process is given: plain data, for it shares nothing with its maker."""

    root: Path
    api_url: str
    request: str
    secrets: dict[str, str]
    ledger: str


async def is_killed_after(number: int, attempt: Attempt) -> bool:
    """Run the attempt; False if it came to its end before it had this number of events."""
    # Forked off a server that has imported all of it: hundreds of them must start quickly.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=_die_after, args=(number, attempt))
    process.start()
    await asyncio.to_thread(process.join)
    assert process.exitcode in {0, -signal.SIGKILL}, f"it ended with {process.exitcode}"
    return process.exitcode == -signal.SIGKILL


def _die_after(number: int, attempt: Attempt) -> None:
    events = 0

    def count(_: Event) -> None:
        nonlocal events
        events += 1
        if events == number:
            os.kill(os.getpid(), signal.SIGKILL)

    asyncio.run(_release(attempt, count))


async def _release(attempt: Attempt, listener: Listener) -> None:
    endpoints = Endpoints(attempt.api_url, attempt.api_url, "test-token")
    async with FlyClient(endpoints, pace=Pace(is_limited=False)) as fly:
        await release_op.release(
            ReleaseRequest.model_validate_json(attempt.request),
            attempt.secrets,
            Recovered(Ledger.parse(attempt.ledger)),
            Workspace(attempt.root, fly, listeners=(listener,)),
        )
