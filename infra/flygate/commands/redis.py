"""`flygate op redis`: create, adopt or change a Redis; nothing that is in it is lost."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel, ConfigDict

from flygate.commands import ownership
from flygate.fly.client import FlyClient
from flygate.fly.errors import NameTakenError
from flygate.fly.models import Redis
from flygate.fly.redis import RedisSpec
from flygate.record import frame
from flygate.system.errors import ConfigError

# What the Command prints of the Redis: a secret, for the password in the URL.
RESULT: Final = {"name", "plan", "region", "url"}


class RedisRequest(BaseModel):
    """What the Command gets on its standard input. `drift` only makes it run again.

    Attributes:
        app: the app that it is made for.
        wish: its desired state, by the name that it has in the states of users.
        owner, takeover: as in `AppRequest`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    app: str
    wish: RedisSpec
    drift: str = ""
    owner: str = ""
    takeover: str = ""


async def ensure(request: RedisRequest, fly: FlyClient, former: str = "") -> Redis:
    """Create it if there is none, else change its plan, read regions and eviction.

    Args:
        former: what the last run printed. A Redis of another name is left as it is.

    Raises:
        ConfigError: another organisation has its name.
        OwnerError: it is another stack's.
        FlyError: Fly refuses.
    """
    spec = request.wish
    found = await fly.redis.find(spec.name)
    if found is None:
        found = await _create(spec, fly)
        await fly.redis.update(found, spec, request.owner)
    elif found.org != spec.org:
        raise ConfigError(_taken(spec.name, f"the organisation {found.org}, not {spec.org}"))
    else:
        ownership.check_redis(found, request.owner, request.takeover)
        await _change(found, request, fly)
    if not found.url:
        raise ConfigError(f"The Redis {found.name} has no URL: {found.problem or 'ask Fly why'}.")
    left = _former(former).get("name")
    if left and left != spec.name:
        _say(f"the Redis {left} stays, and costs money: `fly redis destroy {left}` removes it")
    return found.model_copy(update={"plan": spec.plan})


async def _create(spec: RedisSpec, fly: FlyClient) -> Redis:
    try:
        made = await fly.redis.create(spec)
    except NameTakenError:
        raise ConfigError(_taken(spec.name, "another organisation")) from None
    _say(f"the Redis {made.name} is made: {spec.plan} in {made.region}")
    return made


async def _change(found: Redis, request: RedisRequest, fly: FlyClient) -> None:
    spec = request.wish
    if found.region != spec.region:
        _say(f"the Redis {found.name} stays in {found.region}: Fly can't move one to {spec.region}")
    live = (found.plan, set(found.read_regions), found.evicts)
    is_as_desired = live == (spec.plan, set(spec.read_regions), spec.evicts)
    if not is_as_desired or found.owner != request.owner:
        await fly.redis.update(found, spec, request.owner)
    if not is_as_desired:
        _say(f"the Redis {found.name} is changed: {spec.plan}")


def former_url(former: str) -> str:
    """Return the URL in what the last run printed, for redaction."""
    return _former(former).get("url", "")


def _former(former: str) -> Mapping[str, str]:
    """Return what the last run printed; empty if it can't be read."""
    try:
        return {name: str(value) for name, value in frame.document(former).items()}
    except ValueError:
        return {}


def _taken(name: str, owner: str) -> str:
    return (
        f"A Redis of the name {name} belongs to {owner}. Choose another name: "
        "`pulumi config set --path redis.name …`."
    )


def _say(line: str) -> None:
    """The Command's standard error is shown while it runs."""
    print(line, file=sys.stderr, flush=True)
