"""What serves an app now, in words: looked at, and not concluded from what was done."""

from __future__ import annotations

import asyncio
from collections import Counter

from infra.fly.client import FlyClient
from infra.fly.errors import FlyError, NotFound
from infra.rollout.observe import CANDIDATE, Seen, State, observe

# It is the end of a failure: an operator waits for it.
LOOK_SECONDS = 2.0
# The reason why Fly does not tell is most likely the failure's own.
UNTOLD = "What serves can't be told now, Fly does not say"


async def look(fly: FlyClient, app: str) -> str:
    """One look; it says so where Fly does not tell in time."""
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            return describe(await observe(fly, app))
    except NotFound:
        return "Nothing serves: there is no such app"
    except (TimeoutError, FlyError):
        return UNTOLD


def describe(state: State) -> str:
    """`v8 serves on 2 machines`, and what a rollout left that did not end."""
    serving = [m for m in state.machines if m.serves]
    left = leftovers(state)
    beside = f"; left over: {', '.join(_named(m) for m in left)}" if left else ""
    if not serving:
        return f"Nothing serves{beside}"
    counts = sorted(Counter(m.release for m in serving).items())
    told = " and ".join(f"v{release} on {_machines(count)}" for release, count in counts)
    verb = "serves" if len(counts) == 1 else "serve"
    first, _, rest = told.partition(" ")
    return f"{first} {verb} {rest}{beside}" if len(counts) == 1 else f"{told} {verb}{beside}"


def leftovers(state: State) -> list[Seen]:
    """The machines that a rollout made and that no release stands on."""
    return [m for m in state.machines if m.role == CANDIDATE]


def _named(machine: Seen) -> str:
    return f"{machine.name} (machine {machine.id}, {machine.state})"


def _machines(count: int) -> str:
    return f"{count} machine{'s' if count != 1 else ''}"
