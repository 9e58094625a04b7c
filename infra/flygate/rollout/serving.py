"""What serves an app now, in words: looked at, and not concluded from what was done."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Final

from flygate.fly.client import FlyClient
from flygate.fly.endpoints import Endpoints
from flygate.fly.errors import FlyError, NotFoundError
from flygate.rollout.command_machine import CommandMachine
from flygate.rollout.state import CANDIDATE, Seen, State, observe
from flygate.system.errors import ConfigError

# It is the end of a failure: an operator waits for it.
LOOK_SECONDS: Final = 2.0
# The cause is most likely that of the failure that is reported.
UNKNOWN: Final = "What serves is unknown now, as Fly does not say"


async def report(app: str, env: Mapping[str, str] | None = None) -> str:
    """Look once, with the Fly of an environment, by default this process's; see `look`."""
    try:
        async with FlyClient(Endpoints.from_env(env)) as fly:
            return await look(fly, app)
    except ConfigError as exc:
        return f"{UNKNOWN}: {str(exc).partition('. ')[0]}"


async def look(fly: FlyClient, app: str) -> str:
    """Return in words what serves, or that Fly did not say it in time."""
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            return describe(await observe(fly, app))
    except NotFoundError:
        return "Nothing serves: there is no such app"
    except (TimeoutError, FlyError):
        return UNKNOWN


def describe(state: State) -> str:
    """Return `v8 serves on 2 machines`, and what an unfinished rollout left."""
    serving = [m for m in state.machines if m.serves]
    left = leftovers(state)
    beside = f"; left over: {', '.join(_named(m) for m in left)}" if left else ""
    if not serving:
        return f"Nothing serves{beside}"
    counts = sorted(Counter(m.release for m in serving).items())
    if len(counts) == 1:
        [(release, count)] = counts
        return f"v{release} serves on {machines(count)}{beside}"
    each = " and ".join(f"v{release} on {machines(count)}" for release, count in counts)
    return f"{each} serve{beside}"


def leftovers(state: State) -> list[Seen | CommandMachine]:
    """Return the machines that a rollout made and that no release stands on."""
    return [*(m for m in state.machines if m.role == CANDIDATE), *state.commands]


def _named(machine: Seen | CommandMachine) -> str:
    return f"{machine.name} (machine {machine.id}, {machine.state})"


def machines(count: int) -> str:
    """Return `1 machine`, `3 machines`."""
    return f"{count} machine{'s' if count != 1 else ''}"
