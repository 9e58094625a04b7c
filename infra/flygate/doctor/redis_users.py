"""The users of a Redis, as far as Fly shows: the machines of every app of its organisation.

Fly shows no value of a secret. What an app of Flygate has in `REDIS_URL` is known by what Pulumi
recorded of the stack, by the names in the files of the other stacks, and by the usual names.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from flygate.config.redis import URL, default_name
from flygate.fly.client import FlyClient
from flygate.fly.models import Machine, Redis
from flygate.rollout.state import LIVE, RELEASE_KEY, ROLE_KEY, STANDBY

_STORAGE = "RATE_LIMIT_STORAGE"
_SHARED = "127.0.0.1"  # where a computer has no other address for the local Fly's databases


@dataclass(frozen=True, slots=True)
class AppSeen:
    """An app, and what Fly shows of it."""

    name: str
    machines: Sequence[Machine]
    secrets: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known beside the Redis.

    Attributes:
        own: the stack's app.
        others: the other apps of the organisation.
        url: what the release that runs has in `REDIS_URL`, by Pulumi's record; empty if unknown.
        named: other apps → the name of their Redis, by the files of their stacks.
        there: the names of the Redis databases that are known to be there.
    """

    own: AppSeen
    others: Sequence[AppSeen] = ()
    url: str = field(default="", repr=False)
    named: Mapping[str, str] = field(default_factory=dict)
    there: Collection[str] = ()

    def users(self, redis: Redis) -> list[str]:
        """The machines that keep something in it, or may."""
        found = [self._words(self.own, m) for m in self.own.machines if self._own_uses(m, redis)]
        for app in self.others:
            found += [self._words(app, m) for m in app.machines if self._uses(app, m, redis)]
        return found

    def unknown(self) -> list[str]:
        """Return other apps whose machines have a `REDIS_URL` that can't be read."""
        return [
            app.name
            for app in self.others
            if URL in app.secrets and any(RELEASE_KEY not in m.metadata for m in app.machines)
        ]

    def _own_uses(self, machine: Machine, redis: Redis) -> bool:
        if _mentions(machine, redis):
            return True
        if not _stores_in_redis(machine):
            return False
        is_live = machine.metadata.get(ROLE_KEY, LIVE) == LIVE
        return not (is_live and self.url and _place(self.url) != _place(redis.url))

    def _uses(self, app: AppSeen, machine: Machine, redis: Redis) -> bool:
        if _mentions(machine, redis):
            return True
        if not _stores_in_redis(machine):
            return False
        usual = default_name(app.name)
        if app.name in self.named or usual in {redis.name, *self.there}:
            return self.named.get(app.name, usual) == redis.name
        # It has one by another name; the usual one of this stack's app it is not.
        return redis.name != default_name(self.own.name)

    def _words(self, app: AppSeen, machine: Machine) -> str:
        return f"{machine.name or machine.id} of {app.name}"


async def look(
    fly: FlyClient, org: str, own: str, *, url: str, named: Mapping[str, str]
) -> Surroundings:
    """Ask Fly.

    Args:
        own: the stack's app.

    Raises:
        FlyError: Fly refuses to show it.
    """
    names = [app.name for app in await fly.apps(org)]
    seen = await asyncio.gather(*(_seen(fly, name) for name in names))
    usual = [default_name(name) for name in names if name != own]
    found = await asyncio.gather(*map(fly.redis.find, usual))
    return Surroundings(
        own=next((app for app in seen if app.name == own), AppSeen(own, ())),
        others=[app for app in seen if app.name != own],
        url=url,
        named=named,
        there={one.name for one in found if one},
    )


async def _seen(fly: FlyClient, app: str) -> AppSeen:
    machines, secrets = await asyncio.gather(fly.machines(app), fly.secrets(app))
    return AppSeen(app, machines, {secret.name for secret in secrets})


def _stores_in_redis(machine: Machine) -> bool:
    """It keeps limits in some Redis; one on standby is not asked for any."""
    if machine.config is None or machine.metadata.get(ROLE_KEY) == STANDBY:
        return False
    return machine.config.env.get(_STORAGE) == "redis"


def _mentions(machine: Machine, redis: Redis) -> bool:
    """The Redis's address stands in its environment, for all to read."""
    place = host, _ = _place(redis.url)
    values = machine.config.env.values() if machine.config else ()
    if host in {"", _SHARED}:
        return bool(host) and any(_place(value) == place for value in values)
    return any(host in value for value in values)


def _place(url: str) -> tuple[str, int]:
    """Host and port: the same database, whatever the password and the spelling of its URL."""
    try:
        parts = urlsplit(url)
        return parts.hostname or "", parts.port or 6379
    except ValueError:
        return "", 0
