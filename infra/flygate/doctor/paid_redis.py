"""The Redis databases that a stack has on Fly and pays for, whether Pulumi remembers them or not.

A first release that fails leaves one, and so does another `redis.name`, or a Redis of the stack's
own: the outputs of the stack know of none of them. So Fly is asked for each name that the stack's
configuration gives its Redis now, or gave it when it was deployed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Self

from flygate import config
from flygate.config import PROJECT, StackConfig, prices, redis
from flygate.config.stack_file import StackFile
from flygate.doctor.errors import UnknownError
from flygate.doctor.facts import Facts
from flygate.fly.endpoints import Endpoints
from flygate.fly.errors import FlyApiError, RateLimitedError, ServerError
from flygate.fly.models import Redis
from flygate.fly.redis import PROVIDER
from flygate.fly.session import FlySession
from flygate.system.errors import ConfigError

# As flyctl asks for them.
_NAMES = (
    "query($slug:String!,$type:AddOnType!)"
    "{organization(slug:$slug){addOns(type:$type){nodes{name}}}}"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stack's Redis is, by its configuration."""

    name: str
    org: str


@dataclass(frozen=True, slots=True)
class ConfiguredRedis:
    """The Redis of a stack, by its configuration.

    Attributes:
        is_needed: as `StackConfig.needs_redis`.
    """

    place: Place
    is_needed: bool

    @classmethod
    def of(cls, stack: StackConfig, secrets: Collection[str]) -> Self:
        """Read the whole configuration.

        Args:
            secrets: the names of the stack's secrets.
        """
        return cls(Place(stack.redis_name, stack.org), stack.needs_redis(secrets))

    @classmethod
    async def of_facts(cls, facts: Facts) -> Self:
        """Ask Pulumi for the configuration.

        Raises:
            UnknownError: it does not answer, or the configuration is wrong.
        """
        return cls.of(await facts.config(), await facts.secrets())

    @classmethod
    def read(cls, file: StackFile) -> Self | None:
        """Read the stack's file alone, which takes no second; None if it does not say enough."""
        secrets = file.values.get("secrets")
        try:
            stack = config.load(file.values)
        except ConfigError:
            return None
        return cls.of(stack, secrets if isinstance(secrets, dict) else ())


@dataclass(frozen=True, slots=True)
class PaidRedis:
    """One that is there.

    Attributes:
        is_present: the stack's configuration gives it this name now; else it did so once.
        is_needed: it asks for limits in it.
        is_released: something was released to the stack.
    """

    redis: Redis
    is_present: bool
    is_needed: bool
    is_released: bool

    @property
    def is_left(self) -> bool:
        """Nothing that runs is known to need it."""
        return not (self.is_needed and self.is_released)

    @property
    def monthly_cost(self) -> float:
        """Dollars a month."""
        return prices.redis_month(self.redis.plan, len(self.redis.read_regions))

    def describe(self) -> str:
        """Describe the database, its costs, and whether anything needs it."""
        one, cost = self.redis, f"${self.monthly_cost:.2f} a month"
        if one.plan == "pay_as_you_go":
            cost = "$0.20 per 100,000 commands"
        text = f"{one.name} ({one.plan or 'plan not known'} in {one.region}) costs {cost}"
        if not self.is_present:
            return f"{text}; the stack had it under a former configuration"
        if not self.is_needed:
            return f"{text}; the configuration keeps no limits in it"
        return text if self.is_released else f"{text}; nothing that needs it was released yet"

    def line(self, stack: str) -> str:
        """Describe it for a screen, with the command that destroys it if nothing needs it."""
        return self.describe() + (f": `{self.removal(stack)}` destroys it" if self.is_left else "")

    def document(self, stack: str) -> dict[str, Any]:
        """Describe it for scripts, without the URL."""
        found: dict[str, Any] = {"name": self.redis.name, "plan": self.redis.plan}
        found |= {"region": self.redis.region, "monthly_cost": self.monthly_cost}
        return {**found, "remove": self.removal(stack) if self.is_left else ""}

    def removal(self, stack: str) -> str:
        """Return the command that destroys it."""
        name = "" if self.is_present else f" --name {self.redis.name}"
        return f"flygate redis destroy {stack}{name}"


async def find(facts: Facts, configured: ConfiguredRedis, *, is_released: bool) -> list[PaidRedis]:
    """Find each Redis of a stack, the present one first.

    Raises:
        UnknownError: Fly does not answer.
        FlyError: Fly refuses to answer.
    """
    fly, present = await facts.fly(), configured.place
    places = dict.fromkeys([present, *await _former(facts, present)])
    found = await asyncio.gather(*(fly.redis.find(place.name) for place in places))
    return [
        PaidRedis(one, place == present, place == present and configured.is_needed, is_released)
        for place, one in zip(places, found, strict=True)
        # A Redis of that name in another organisation belongs to that one.
        if one is not None and one.org == place.org
    ]


async def find_left(
    facts: Facts, configured: ConfiguredRedis, *, is_released: bool
) -> list[PaidRedis] | None:
    """Find those that nothing needs; None if Fly refuses, as it does with a token for one app."""
    try:
        found = await find(facts, configured, is_released=is_released)
    except (ServerError, RateLimitedError):
        raise
    except FlyApiError:
        return None
    return [one for one in found if one.is_left]


async def _former(facts: Facts, present: Place) -> list[Place]:
    """Return where the stack had a Redis, by each deployed configuration, newest first.

    Pulumi is asked for them only if the organisation has a Redis that may be one of them.
    """
    names = await _names(await facts.endpoints(), present.org)
    if names is not None and names <= {present.name}:
        return []
    try:
        return list(dict.fromkeys(_deployed(await facts.history())))
    except UnknownError:
        return []


async def _names(endpoints: Endpoints, org: str) -> set[str] | None:
    """Return the names of an organisation's Redis databases; None if Fly refuses."""
    variables = {"slug": org, "type": PROVIDER}
    async with FlySession(endpoints) as session:
        try:
            found = await session.query("query redis", _NAMES, variables, repeatable=True)
        except (ServerError, RateLimitedError):
            raise
        except FlyApiError:
            return None
    nodes = ((found.get("organization") or {}).get("addOns") or {}).get("nodes")
    return {str(node["name"]) for node in nodes} if isinstance(nodes, list) else None


def _deployed(updates: list[dict[str, Any]]) -> Iterator[Place]:
    for update in updates:
        values = {
            key.removeprefix(f"{PROJECT}:"): entry.get("value", "")
            for key, entry in (update.get("config") or {}).items()
        }
        if app := values.get("app"):
            name = _name(values.get("redis", "")) or redis.default_name(app)
            yield Place(name, values.get("org") or StackConfig.model_fields["org"].default)


def _name(section: str) -> str:
    try:
        found = json.loads(section or "{}")
    except ValueError:
        return ""
    return str(found.get("name") or "") if isinstance(found, dict) else ""
