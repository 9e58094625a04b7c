"""`flygate op look`: what runs, what somebody changed behind our back, and what a release would do.

It runs in every preview and reads only.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

from infra import redis
from infra.fly.client import FlyClient
from infra.fly.errors import FlyError
from infra.fly.models import Redis
from infra.manifest import Manifest
from infra.ops import drift, ownership
from infra.ops.recovery import unrecorded
from infra.owner import is_same
from infra.redis import LiveRedis
from infra.rollout import strategies
from infra.rollout.forecast import fingerprint, forecast
from infra.rollout.observe import LIVE, State, observe
from infra.rollout.target import Target


class LookRequest(BaseModel):
    """What the function gets on its standard input.

    Attributes:
        manifest: what shall run; none while the stack is pinned.
        redis: the name of the stack's Redis; none if it brings its own.
        left: the name that the stack's Redis had, if it brings its own now.
        needs_redis: what shall run keeps its limits there.
        restores_redis: a URL of the user's own comes back with a pinned release.
        owner, takeover: as in `ReleaseRequest`.
        known: the newest version that the stack's ledger has, 0 if it has none; None leaves the
            comparison out.
        lacks: what the program itself has found wrong, a line each.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    app: str
    org: str = ""
    manifest: Manifest | None = None
    redis: str | None = None
    left: str | None = None
    needs_redis: bool = False
    restores_redis: bool = False
    owner: str = ""
    takeover: str = ""
    known: int | None = None
    lacks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen.

    Attributes:
        drift: the token that is an input of the Commands.
        found: a line for each thing that is not as its release left it.
        plan: what a release of the manifest would do, as lines.
        state: another text when the live state has moved.
        redis: the Redis that is there, with its URL.
        left: the one that Flygate made, and that costs money beside the stack's own.
    """

    drift: str
    found: tuple[str, ...]
    plan: tuple[str, ...]
    state: str
    redis: LiveRedis | None = field(default=None, repr=False)
    left: LiveRedis | None = field(default=None, repr=False)


async def look(request: LookRequest, fly: FlyClient) -> Look:
    """Read the live app.

    Raises:
        OwnerError: it is another stack's.
    """
    if (there := await fly.app(request.app)) is None:
        state, found = State(request.app), drift.absent()
        live = await _redis(request, state, fly)
    else:
        state, addresses = await asyncio.gather(observe(fly, request.app), fly.ips(request.app))
        live = await _redis(request, state, fly)
        ownership.check_org(there, request.org)
        ownership.check(state, request.owner, request.takeover)
        lacks = [*request.lacks, *drift.lacking(addresses), *_lost(request, state, live)]
        found = drift.judge(state, [*lacks, *_unknown(request, state)])
    plan = _plan(state, request.manifest) if request.manifest else []
    seen = fingerprint(state) + (f" redis {live.id}" if live else "")
    left = await _left(request, fly)
    return Look(found.token, found.found, tuple(plan), seen, live, left)


async def _redis(request: LookRequest, state: State, fly: FlyClient) -> LiveRedis | None:
    """The stack's Redis. Where there can't be one, a token that may not ask for it will do."""
    if request.redis is None or not (request.needs_redis or redis.URL in state.secret_names):
        return None
    found = await fly.redis.find(request.redis)
    if found is None:
        return None
    ownership.check_redis(found, request.owner, request.takeover)
    return _live(found)


async def _left(request: LookRequest, fly: FlyClient) -> LiveRedis | None:
    """A reminder only: where this token may not ask, there is none."""
    if request.left is None:
        return None
    try:
        found = await fly.redis.find(request.left)
    except FlyError:
        return None
    return _live(found) if found and is_same(found.owner, request.owner) else None


def _live(found: Redis) -> LiveRedis:
    return LiveRedis(found.id, found.name, found.plan, found.region, found.read_regions, found.url)


def _unknown(request: LookRequest, state: State) -> list[str]:
    """What was released behind the stack's back."""
    lines = []
    if request.known is not None and (version := unrecorded(state, request.known)):
        known = f"ends at v{request.known}" if request.known else "is empty"
        lines.append(f"v{version} serves, and the history of this stack {known}")
    if not is_same(state.owner, request.owner):
        lines.append(f"this stack takes the app over from {state.owner}, as configured")
    return lines


def _lost(request: LookRequest, state: State, live: LiveRedis | None) -> list[str]:
    """The Redis whose URL the machines have, and which somebody destroyed."""
    is_theirs = request.redis is None or request.restores_redis
    if is_theirs or live or redis.URL not in state.secret_names:
        return []
    return [f"the Redis {request.redis} is gone"]


def _plan(state: State, manifest: Manifest) -> list[str]:
    former = max((m.release for m in state.machines if m.role == LIVE), default=0)
    target = Target(
        version=max((m.release for m in state.machines), default=0) + 1,
        manifest=manifest,
        manifest_id="",
        url="",
        former=former or None,
        at=time.time(),
    )
    return forecast(strategies.plan(state, target), state, target)
