"""From Pulumi's texts to the stack's configuration; an error names every key that is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from flygate.config import redis
from flygate.config.refusal import PROJECT, refusal
from flygate.config.stack import StackConfig
from flygate.config.variables import check_variables
from flygate.system.errors import ConfigError

__all__ = ["PROJECT", "STRUCTURED", "load", "load_redis_url", "load_secrets"]

# Keys whose values are JSON when they are set on the command line.
STRUCTURED: Final = frozenset(
    {
        "phase",
        "machines",
        "count",
        "minimum_running",
        "guest",
        "concurrency",
        "affinity",
        "redis",
        "regions",
        "source",
        "env",
        "secrets",
        "rollout",
        "smoke",
        "protect",
        "pin",
        "promotion",
        "owners",
    }
)


def load(raw: Mapping[str, Any]) -> StackConfig:
    """Read and check a stack's configuration.

    Args:
        raw: key (without the project's name) → value: text, or JSON as text. `secrets` may
            be among them and is left out, and so is the text of `redis.url`.

    Raises:
        ConfigError: names every key that is wrong.
    """
    values = {key: _parsed(key, value) for key, value in raw.items() if key != "secrets"}
    if isinstance(values.get("redis"), Mapping) and "url" in values["redis"]:
        values["redis"] = {**values["redis"], "url": True}
    try:
        return StackConfig.model_validate(values)
    except ValidationError as exc:
        lines = [refusal(dict(error), values, StackConfig) for error in exc.errors()]
        raise ConfigError(
            "The stack's configuration is wrong:\n" + "\n".join(f"  {line}" for line in lines)
        ) from None


def load_secrets(raw: Mapping[str, Any]) -> dict[str, str]:
    """Read and check the secrets of a stack: name → value.

    Raises:
        ConfigError: they are no map of texts, or a name is no variable's, or a value can't be one.
    """
    values = _parsed("secrets", raw.get("secrets", "{}"))
    if not isinstance(values, Mapping) or not all(isinstance(v, str) for v in values.values()):
        raise ConfigError(
            f"{PROJECT}:secrets must be a map of names and texts. Set one with "
            "`pulumi config set --secret --path secrets.NAME`, which asks for the value."
        )
    try:
        check_variables("secrets", values)
    except ValueError as exc:
        raise ConfigError(f"{PROJECT}:{exc}") from None
    return dict(values)


def load_redis_url(raw: Mapping[str, Any], *, is_secret: bool) -> str | None:
    """Return the URL of the Redis that the user supplies, or None.

    Args:
        is_secret: whether Pulumi keeps `flygate:redis` encrypted, in part at least.

    Raises:
        ConfigError: see `redis.own_url`.
    """
    return redis.own_url(_parsed("redis", raw.get("redis")), is_secret=is_secret)


def _parsed(key: str, value: Any) -> Any:
    if key not in STRUCTURED or not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
