"""From Pulumi's texts to the stack's configuration; an error names every key that is wrong."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError

from flygate.config import redis
from flygate.config.stack import StackConfig
from flygate.config.variables import check_variable_names
from flygate.system.errors import ConfigError

PROJECT: Final = "flygate"
# Keys whose values are JSON when they are set on the command line.
STRUCTURED: Final = frozenset(
    {
        "phase",
        "machines",
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
        lines = [_explain(dict(error), values) for error in exc.errors()]
        raise ConfigError(
            "The stack's configuration is wrong:\n" + "\n".join(f"  {line}" for line in lines)
        ) from None


def load_secrets(raw: Mapping[str, Any]) -> dict[str, str]:
    """Read and check the secrets of a stack: name → value.

    Raises:
        ConfigError: they are no map of texts, or a name is no variable's.
    """
    values = _parsed("secrets", raw.get("secrets", "{}"))
    if not isinstance(values, Mapping) or not all(isinstance(v, str) for v in values.values()):
        raise ConfigError(
            f"{PROJECT}:secrets must be a map of names and texts. Set one with "
            "`pulumi config set --secret --path secrets.NAME`, which asks for the value."
        )
    try:
        check_variable_names("secrets", values)
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


def _explain(error: dict[str, Any], values: Mapping[str, Any]) -> str:
    """Explain an error in a line: the key, its value, what is wrong, the command that sets it."""
    path = _path(error["loc"], values)
    message = str(error["msg"]).removeprefix("Value error, ")
    if not path:
        return f"{PROJECT}:{message}"
    if error["type"] == "missing":
        return f"{PROJECT}:{path} is not set. Set it: {_setting(path)}"
    if error["type"] == "extra_forbidden":
        known = ", ".join(sorted([*StackConfig.model_fields, "secrets"]))
        if "." in path and path.partition(".")[0] in STRUCTURED:
            return f"{PROJECT}:{path} is no key. Meant: {_setting(path)}"
        return f"{PROJECT}:{path} is no key of this project. Known: {known}"
    if error["loc"] == ("redis",):
        return f"{PROJECT}:redis must be a map, such as redis.plan"  # it may be a URL
    found = json.dumps(_at(values, error["loc"]), default=str)
    return f"{PROJECT}:{path} is {found}; it {_must(message)}"


def _path(places: Sequence[str | int], values: Any) -> str:
    """Write a place as `pulumi config set --path` takes it: `rollout.steps[0]`."""
    path = ""
    for place in places:
        if isinstance(place, int):
            path += f"[{place}]"
        elif isinstance(values, Mapping):
            path += f".{place}" if path else str(place)
        else:
            break  # the kind that a value of several kinds could have been
        values = _at(values, (place,))
    return path


def _setting(path: str) -> str:
    """Return the command that sets a value, as a shell takes it."""
    nested = "--path " if set(path) & set(".[") else ""
    return f"pulumi config set {nested}{shlex.quote(path)} <value>"


def _must(message: str) -> str:
    if message.startswith(("must", "stores")):
        return message
    return "is wrong: " + message[:1].lower() + message[1:]


def _at(values: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            return None
    return values
