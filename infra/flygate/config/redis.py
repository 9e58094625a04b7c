"""The Redis of a stack, as its configuration asks for it, and as it was seen on Fly.

A Redis is made for a phase that keeps its limits there, and from then on it stays, with its URL
attached, until somebody destroys it: limits can be carried back, and no change of phase loses any.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flygate_wire.variables import Variable
from pydantic import field_validator

from flygate.config import prices
from flygate.config.regions import Regions
from flygate.config.section import Section
from flygate.system.errors import ConfigError

# The secret by which the service finds it.
URL = Variable.REDIS_URL.value
# Where a URL names none.
PORT = 6379
# The plan where neither the phase nor the stack names one.
PLAN = "fixed_250mb"

# The one option that the service knows.
_CA_FILE = "ssl_ca_certs"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class RedisConfig(Section):
    """`flygate:redis`.

    Attributes:
        plan: a row of `infra/flygate/config/prices.py`; by default the phase's.
        regions: where it has copies to read from, beside the stack's first region.
        eviction: it forgets clients when it is full, instead of refusing new ones.
        name: global on Fly; by default the app's name and `-redis`.
        url: the stack brings its own Redis, whose URL is a secret and is read apart.
    """

    plan: str | None = None
    regions: Regions = ()
    eviction: bool = False
    name: str | None = None
    url: bool = False

    @field_validator("plan")
    @classmethod
    def _known_plan(cls, value: str | None) -> str | None:
        if value is not None and value not in prices.REDIS_PLANS:
            raise ValueError(f"must be one of {', '.join(prices.REDIS_PLANS)}")
        return value

    @field_validator("name")
    @classmethod
    def _fly_name(cls, value: str | None) -> str | None:
        if value is not None and not _NAME.fullmatch(value):
            raise ValueError("must be 1 to 63 lower-case letters, digits and dashes")
        return value


@dataclass(frozen=True, slots=True)
class LiveRedis:
    """The stack's Redis as it was seen on Fly.

    Attributes:
        url: with the password in it.
    """

    id: str
    name: str
    plan: str
    region: str
    read_regions: tuple[str, ...]
    url: str = field(repr=False)

    @property
    def monthly_cost(self) -> float:
        """Dollars."""
        return prices.redis_month(self.plan, len(self.read_regions))


@dataclass(frozen=True, slots=True)
class RedisPlan:
    """What becomes of a stack's Redis; none is there, or it is as `live` says.

    Attributes:
        plan: that it shall have.
        is_needed: what runs keeps its limits there.
    """

    name: str
    plan: str
    region: str
    read_regions: tuple[str, ...]
    live: LiveRedis | None
    is_needed: bool

    @property
    def costs(self) -> tuple[float, float]:
        """Dollars a month, before and after."""
        before = self.live.monthly_cost if self.live else 0.0
        return before, prices.redis_month(self.plan, len(self.read_regions))

    def lines(self, stack: str) -> list[str]:
        """For the preview; none if there is nothing to know."""
        live = self.live
        if live is None:
            return [f"Redis {self.name} is made: {self.plan} in {self.region}; {URL} is attached"]
        told = []
        if live.plan != self.plan:
            told.append(f"Redis {live.name} changes from {live.plan} to {self.plan}")
        if live.region != self.region:
            told.append(f"Redis {live.name} stays in {live.region}: Fly can't move one")
        if not self.is_needed:
            told.append(reminder(live, stack))
        return told


def reminder(live: LiveRedis, stack: str) -> str:
    """A Redis that nothing needs costs money until somebody destroys it."""
    return (
        f"Redis {live.name} stays, with all that is in it, and costs "
        f"${live.monthly_cost:.2f} a month; `flygate redis destroy {stack}` removes it"
    )


def name_of(config: RedisConfig, app: str) -> str:
    """The name of a stack's Redis on Fly."""
    return config.name or f"{app}-redis"


def own_url(value: Any, *, is_secret: bool) -> str | None:
    """The URL of the stack's own Redis, out of `flygate:redis`; None if it brings none.

    Args:
        value: the section.
        is_secret: Pulumi keeps it encrypted.

    Raises:
        ConfigError: it stands there for all to read, or is no URL. It is not quoted.
    """
    if not isinstance(value, Mapping) or "url" not in value:
        return None
    if not is_secret:
        raise ConfigError(
            "flygate:redis.url is in plain text, with the password in it. Change the password, and "
            "set it as a secret: `pulumi config set --secret --path redis.url` asks for it."
        )
    url = str(value["url"])
    if problem := problem_of(url):
        raise ConfigError(
            f"flygate:redis.url {problem}; the service takes "
            "rediss://[user:PASSWORD@]host[:port][/database]. Set it again: "
            "`pulumi config set --secret --path redis.url` asks for it."
        )
    return url


def problem_of(url: str) -> str:
    """Why the service would refuse a URL (with exit code 78); empty if it takes it.

    The service's rules are in `flygate_limiter/redis/address.py`; a test holds the two together.
    The URL may hold a password anywhere, so nothing of it is quoted.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port, int(parts.path.strip("/") or 0)
        options = parse_qs(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        return "is no URL of a Redis"
    if parts.scheme not in {"redis", "rediss"} or not parts.hostname:
        return "is no URL of a Redis"
    if options.keys() - {_CA_FILE}:
        return f"has an option after its ?, and the service knows none but {_CA_FILE}"
    return ""
