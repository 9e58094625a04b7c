"""`flygate op look`: what runs, what somebody changed behind our back, and what a release would do.

It runs in every preview and reads only.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from infra.fly.client import FlyClient
from infra.manifest import Manifest
from infra.ops import drift
from infra.rollout import strategies
from infra.rollout.forecast import fingerprint, forecast
from infra.rollout.observe import LIVE, State, observe
from infra.rollout.target import Target


class LookRequest(BaseModel):
    """What the function gets on its standard input.

    Attributes:
        manifest: what shall run; none while the stack is pinned.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    app: str
    manifest: Manifest | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen.

    Attributes:
        drift: the token that is an input of the Commands.
        found: a line for each thing that is not as its release left it.
        plan: what a release of the manifest would do, as lines.
        state: another text when the live state has moved.
    """

    drift: str
    found: tuple[str, ...]
    plan: tuple[str, ...]
    state: str


async def look(request: LookRequest, fly: FlyClient) -> Look:
    """Read the live app."""
    if await fly.app(request.app) is None:
        state, found = State(request.app), drift.absent()
    else:
        state, addresses = await asyncio.gather(observe(fly, request.app), fly.ips(request.app))
        found = drift.judge(state, drift.lacking(addresses))
    plan = _plan(state, request.manifest) if request.manifest else []
    return Look(found.token, found.found, tuple(plan), fingerprint(state))


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
