"""`flygate op redis`: a Redis exists and is as asked for. Create or adopt; never lose anything."""

from __future__ import annotations

import sys

from pydantic import BaseModel, ConfigDict

from flygate.commands import ownership
from flygate.fly.client import FlyClient
from flygate.fly.errors import InvalidRequestError
from flygate.fly.models import Redis
from flygate.fly.redis import RedisWish
from flygate.record import frame
from flygate.system.errors import ConfigError


class RedisRequest(BaseModel):
    """What the Command gets on its standard input. `drift` only makes it run again.

    Attributes:
        app: the app that it is made for.
        wish: what it shall be.
        owner, takeover: as in `AppRequest`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    app: str
    wish: RedisWish
    drift: str = ""
    owner: str = ""
    takeover: str = ""


class RedisResult(BaseModel):
    """What the Command prints: a secret, for the password in the URL."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str
    plan: str
    region: str
    url: str


async def ensure(request: RedisRequest, fly: FlyClient, former: str = "") -> RedisResult:
    """Make it if it is not there, else change its plan, read regions and eviction.

    Args:
        former: what the last run printed. A Redis of another name is left as it is.

    Raises:
        ConfigError: another organisation has its name.
        OwnerError: it is another stack's.
        FlyError: Fly refuses.
    """
    wish = request.wish
    found = await fly.redis.find(wish.name)
    if found is None:
        found = await _create(wish, fly)
        await fly.redis.update(found, wish, request.owner)
    elif found.org != wish.org:
        raise ConfigError(_taken(wish.name, f"the organisation {found.org}, not {wish.org}"))
    else:
        ownership.check_redis(found, request.owner, request.takeover)
        await _change(found, request, fly)
    if not found.url:
        raise ConfigError(f"The Redis {found.name} has no URL: {found.problem or 'ask Fly why'}.")
    left = _former(former)
    if left and left.name != wish.name:
        _say(
            f"the Redis {left.name} stays, and costs money: `fly redis destroy {left.name}` "
            "removes it"
        )
    return RedisResult(name=found.name, plan=wish.plan, region=found.region, url=found.url)


async def _create(wish: RedisWish, fly: FlyClient) -> Redis:
    try:
        made = await fly.redis.create(wish)
    except InvalidRequestError as exc:
        if "taken" not in exc.detail:
            raise
        raise ConfigError(_taken(wish.name, "somebody else")) from None
    _say(f"the Redis {made.name} is made: {wish.plan} in {made.region}")
    return made


async def _change(found: Redis, request: RedisRequest, fly: FlyClient) -> None:
    wish = request.wish
    if found.region != wish.region:
        _say(f"the Redis {found.name} stays in {found.region}: Fly can't move one to {wish.region}")
    is_so = (found.plan, set(found.read_regions), found.evicts)
    is_wanted = is_so == (wish.plan, set(wish.read_regions), wish.evicts)
    if not is_wanted or found.owner != request.owner:
        await fly.redis.update(found, wish, request.owner)
    if not is_wanted:
        _say(f"the Redis {found.name} is changed: {wish.plan}")


def former_url(former: str) -> str:
    """The URL in what the last run printed, for redaction."""
    found = _former(former)
    return found.url if found else ""


def _former(former: str) -> RedisResult | None:
    """What the last run printed, if it can be read."""
    try:
        text = frame.unwrap(former) if frame.is_framed(former) else former
        return RedisResult.model_validate_json(text)
    except ValueError:
        return None


def _taken(name: str, owner: str) -> str:
    return (
        f"A Redis of the name {name} belongs to {owner}. Choose another name: "
        "`pulumi config set --path redis.name …`."
    )


def _say(line: str) -> None:
    """The Command's standard error is shown while it runs."""
    print(line, file=sys.stderr, flush=True)
