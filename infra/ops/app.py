"""`flygate op app`: an app exists and has its addresses. Create or adopt; nothing else."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from infra.errors import ConfigError
from infra.fly.client import FlyClient


class AppRequest(BaseModel):
    """What the Command gets on its standard input. `drift` only makes it run again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    app: str
    org: str
    drift: str = ""


class AppResult(BaseModel):
    """What the Command prints."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    app: str
    org: str
    url: str


async def ensure(request: AppRequest, fly: FlyClient) -> AppResult:
    """Create the app if it is not there, and give it a public address of both kinds.

    Raises:
        ConfigError: the app belongs to another organisation.
        FlyError: Fly refuses, for example since the name is taken.
    """
    found = await fly.app(request.app)
    if found is None:
        await fly.create_app(request.app, request.org)
    elif found.organization.slug and found.organization.slug != request.org:
        raise ConfigError(
            f"The app {request.app} exists in the organisation {found.organization.slug}, not in "
            f"{request.org}. Set the right one with `pulumi config set org …`, or another app name."
        )
    await _ensure_addresses(request.app, fly)
    return AppResult(app=request.app, org=request.org, url=await fly.app_url(request.app))


async def remove(request: AppRequest, fly: FlyClient) -> None:
    """Delete the app with all that is in it; one that is gone is fine."""
    await fly.delete_app(request.app)


async def _ensure_addresses(app: str, fly: FlyClient) -> None:
    ips = await fly.ips(app)
    if not any(":" in ip.ip for ip in ips):
        await fly.allocate_ip(app, "v6")
    if not any("." in ip.ip for ip in ips):
        await fly.allocate_ip(app, "shared_v4")
