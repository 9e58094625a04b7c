"""`flygate op app`: an app exists and has its addresses. Create or adopt; nothing else."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from flygate.commands import ownership
from flygate.fly.client import FlyClient
from flygate.rollout.state import observe


class AppRequest(BaseModel):
    """What the Command gets on its standard input. `drift` only makes it run again.

    Attributes:
        owner: the label of the stack that asks: see `infra/flygate/fly/owner.py`.
        takeover: the label of the stack that it may take the app over from.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    app: str
    org: str
    drift: str = ""
    owner: str = ""
    takeover: str = ""


class AppResult(BaseModel):
    """What the Command prints.

    Attributes:
        owner: the label by which the state knows itself again.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    app: str
    org: str
    url: str
    owner: str = ""


async def ensure(request: AppRequest, fly: FlyClient) -> AppResult:
    """Create the app if it is not there, and give it a public address of both kinds.

    Raises:
        OwnerError: the app belongs to another organisation, or to another stack.
        FlyError: Fly refuses, for example since the name is taken.
    """
    found = await fly.app(request.app)
    if found is None:
        await fly.create_app(request.app, request.org)
    else:
        ownership.check_org(found, request.org)
        state = await observe(fly, request.app)
        ownership.check(state, request.owner, request.takeover)
    await _ensure_addresses(request.app, fly)
    url = await fly.app_url(request.app)
    return AppResult(app=request.app, org=request.org, url=url, owner=request.owner)


async def _ensure_addresses(app: str, fly: FlyClient) -> None:
    ips = await fly.ips(app)
    if not any(":" in ip.ip for ip in ips):
        await fly.allocate_ip(app, "v6")
    if not any("." in ip.ip for ip in ips):
        await fly.allocate_ip(app, "shared_v4")
