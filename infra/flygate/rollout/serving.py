"""What serves an app now, in words: looked at, and not concluded from what was done."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping

from flygate.fly.client import FlyClient
from flygate.fly.endpoints import Endpoints
from flygate.fly.errors import FlyError, NotFoundError
from flygate.rollout.state import CANDIDATE, Seen, State, observe
from flygate.system.errors import ConfigError

# It is the end of a failure: an operator waits for it.
LOOK_SECONDS = 2.0
# The reason why Fly does not tell is most likely the failure's own.
UNTOLD = "What serves can't be told now, Fly does not say"


async def told(app: str, env: Mapping[str, str] | None = None) -> str:
    """One look from an environment, by default this process's; see `look`."""
    try:
        async with FlyClient(Endpoints.from_env(env)) as fly:
            return await look(fly, app)
    except ConfigError as exc:
        return f"{UNTOLD}: {str(exc).partition('. ')[0]}"


async def look(fly: FlyClient, app: str) -> str:
    """One look; it says so where Fly does not tell in time."""
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            return describe(await observe(fly, app))
    except NotFoundError:
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
    each = " and ".join(f"v{release} on {_machines(count)}" for release, count in counts)
    verb = "serves" if len(counts) == 1 else "serve"
    first, _, rest = each.partition(" ")
    return f"{first} {verb} {rest}{beside}" if len(counts) == 1 else f"{each} {verb}{beside}"


def leftovers(state: State) -> list[Seen]:
    """The machines that a rollout made and that no release stands on."""
    return [m for m in state.machines if m.role == CANDIDATE]


def _named(machine: Seen) -> str:
    return f"{machine.name} (machine {machine.id}, {machine.state})"


def _machines(count: int) -> str:
    return f"{count} machine{'s' if count != 1 else ''}"
