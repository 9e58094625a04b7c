"""`Inspection`: what runs, and how it has drifted, before the program declares anything.

It is made in every preview and reads only. What a release would do about it the program decides
(`infra/flygate/commands/decision.py`): it alone has the ledger and the secrets.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

from flygate.commands import app_key, drift, ownership
from flygate.commands.decision import unrecorded
from flygate.config import redis
from flygate.fly.client import FlyClient
from flygate.fly.errors import FlyError
from flygate.fly.models import Redis, Volume
from flygate.fly.owner import is_same
from flygate.record.ledger import Ledger
from flygate.rollout.forecast import fingerprint
from flygate.rollout.state import State, observe


class InspectionRequest(BaseModel):
    """What to inspect.

    Attributes:
        redis: the name of the stack's Redis; none if it brings its own.
        left: the name that the stack's Redis had, if it brings its own now.
        needs_redis: what shall run keeps its limits there.
        restores_redis: a URL of the user's own comes back with a pinned release.
        owner, takeover: as in `ReleaseRequest`.
        known: the newest version that the stack's ledger has, 0 if it has none; None leaves the
            comparison out.
        has_volumes: machines of the release have some.
        needs_key: the state does not have the app's key; the machines may.
        lacks: what the program itself has found wrong, a line each.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    app: str
    org: str = ""
    redis: str | None = None
    left: str | None = None
    needs_redis: bool = False
    restores_redis: bool = False
    owner: str = ""
    takeover: str = ""
    known: int | None = None
    has_volumes: bool = False
    needs_key: bool = False
    lacks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found.

    Attributes:
        drift: the token that is an input of the Commands.
        found: a line for each thing that is not as its release left it.
        state: another text when the live state has moved.
        live: what runs.
        redis: the Redis that is there, with its URL.
        key: the app's, if the request needs it and a machine knows it.
        left: the one that Flygate made, and that costs money beside the stack's own.
        volumes: the app's; not looked for if neither what shall run nor what runs has one.
    """

    drift: str
    found: tuple[str, ...]
    state: str
    live: State
    redis: Redis | None = field(default=None, repr=False)
    key: str = field(default="", repr=False)
    left: Redis | None = field(default=None, repr=False)
    volumes: tuple[Volume, ...] = ()


async def inspect(request: InspectionRequest, fly: FlyClient) -> Inspection:
    """Inspect the live app.

    Raises:
        OwnerError: it is another stack's.
        ConfigError: it is to be made in an organisation that there is not.
    """
    volumes: tuple[Volume, ...] = ()
    if (there := await fly.app(request.app)) is None:
        ownership.check_known(request.app, request.org, await _organizations(fly))
        state, found = State(request.app), drift.absent()
        live = await _redis(request, state, fly)
    else:
        state, addresses = await asyncio.gather(observe(fly, request.app), fly.ips(request.app))
        live = await _redis(request, state, fly)
        ownership.check_org(there, request.org)
        ownership.check(state, request.owner, request.takeover)
        lacks = [*request.lacks, *drift.lacking(addresses), *_lost(request, state, live)]
        found = drift.judge(state, [*lacks, *_unknown(request, state)])
        volumes = await _volumes(request, state, fly)
    key = await app_key.find(Ledger(), state, fly) if request.needs_key else ""
    seen = fingerprint(state) + (f" redis {live.id}" if live else "")
    left = await _left(request, fly)
    return Inspection(found.token, found.found, seen, state, live, key, left, volumes)


async def _volumes(request: InspectionRequest, state: State, fly: FlyClient) -> tuple[Volume, ...]:
    if not request.has_volumes and not any(machine.volume for machine in state.machines):
        return ()
    return tuple(await fly.volumes.list(request.app))


async def _redis(request: InspectionRequest, state: State, fly: FlyClient) -> Redis | None:
    """The stack's Redis. Where there can't be one, a token that may not ask for it will do."""
    if request.redis is None or not (request.needs_redis or redis.URL in state.secret_names):
        return None
    found = await fly.redis.find(request.redis)
    if found is None:
        return None
    ownership.check_redis(found, request.owner, request.takeover)
    return found


async def _organizations(fly: FlyClient) -> frozenset[str]:
    """Return the slugs that there are; none where any will do, or this token may not ask."""
    if fly.is_local:
        return frozenset()
    try:
        return await fly.organizations()
    except FlyError:
        return frozenset()


async def _left(request: InspectionRequest, fly: FlyClient) -> Redis | None:
    """A reminder only: where this token may not ask, there is none."""
    if request.left is None:
        return None
    try:
        found = await fly.redis.find(request.left)
    except FlyError:
        return None
    return found if found and is_same(found.owner, request.owner) else None


def _unknown(request: InspectionRequest, state: State) -> list[str]:
    """Name what was released without a record in the stack's history."""
    lines = []
    if request.known is not None and (version := unrecorded(state, request.known)):
        known = f"ends at v{request.known}" if request.known else "is empty"
        lines.append(f"v{version} serves, and the history of this stack {known}")
    if not is_same(state.owner, request.owner):
        lines.append(f"this stack takes the app over from {state.owner}, as configured")
    return lines


def _lost(request: InspectionRequest, state: State, live: Redis | None) -> list[str]:
    """Name a Redis whose URL the machines have, and which does not exist any more."""
    is_theirs = request.redis is None or request.restores_redis
    if is_theirs or live or redis.URL not in state.secret_names:
        return []
    return [f"the Redis {request.redis} is gone"]
