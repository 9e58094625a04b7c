"""`flygate:redis`: the Redis of a stack, as its configuration asks for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from flygate_wire.variables import Variable
from pydantic import field_validator

from flygate.config import prices
from flygate.config.regions import Regions
from flygate.config.section import Section
from flygate.system.errors import ConfigError

# The secret by which the service finds it.
URL: Final = Variable.REDIS_URL.value
# Where a URL names none.
PORT: Final = 6379
# The plan where neither the phase nor the stack names one.
PLAN: Final = "fixed_250mb"

# The one option that the service knows.
_CA_FILE: Final = "ssl_ca_certs"
# Fly's rule for the name of a Redis, as of an app.
NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class RedisConfig(Section):
    """`flygate:redis`.

    Attributes:
        plan: a row of `infra/flygate/config/prices.py`; by default the phase's.
        regions: where it has copies to read from, beside the stack's first region.
        eviction: it forgets clients when it is full, instead of refusing new ones.
        name: global on Fly; by default the app's name and `-redis`.
        url: the user supplies the Redis; its URL is a secret and is read apart.
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
        if value is not None and not NAME.fullmatch(value):
            raise ValueError("must be 1 to 63 lower-case letters, digits and dashes")
        return value


def default_name(app: str) -> str:
    """Return the name of an app's Redis on Fly where the stack gives it none."""
    return f"{app}-redis"


def own_url(value: Any, *, is_secret: bool) -> str | None:
    """Return the URL of the Redis that the user supplies; None if the section has none.

    Args:
        value: the section `flygate:redis`.
        is_secret: whether Pulumi keeps it encrypted.

    Raises:
        ConfigError: the URL is in plain text, or is no URL. It is not quoted.
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
    """Return why the service refuses a URL (with exit code 78); empty if it accepts it.

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
