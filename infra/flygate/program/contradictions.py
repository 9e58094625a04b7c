"""What parts of a stack's configuration, each right alone, can't be together.

What is asked for and would never take effect is refused, with the command that ends it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final

from flygate_wire.variables import Variable

from flygate.config import StackConfig, redis
from flygate.config.service_settings import OWN, secret_refusals
from flygate.config.typing_errors import meant
from flygate.fly.models import Redis
from flygate.system.errors import ConfigError

_STORAGE: Final = Variable.RATE_LIMIT_STORAGE.value
# Of `flygate:redis` what only the Redis that Flygate makes can have. Its name finds a former one.
_OF_A_MADE_ONE: Final = ("plan", "regions", "eviction")


def check(stack: StackConfig, secrets: Mapping[str, str], env: Mapping[str, str]) -> None:
    """Check a stack that is not pinned, before Fly is asked.

    Args:
        secrets: name → value.
        env: of the machines.

    Raises:
        ConfigError: names each contradiction and its remedy; no value of a secret.
    """
    _end([*_owners(stack, secrets), *_redis(stack, secrets), *_secrets(stack, secrets, env)])


def check_redis(stack: StackConfig, secrets: Mapping[str, str], live: Redis | None) -> None:
    """Check what is asked of a Redis against the one that there is: it stays, needed or not.

    Raises:
        ConfigError: there is none and none is made.
    """
    if live or stack.pin or stack.brings_redis(secrets) or stack.needs_redis(secrets):
        return
    lines = [
        f"flygate:redis.{key} is {json.dumps(getattr(stack.redis, key))}, and phase {stack.phase} "
        f"has no Redis. Remove it: `pulumi config rm --path redis.{key}`. Or make one: `pulumi "
        "config set storage redis`."
        for key in _asked(stack)
    ]
    if stack.env.get(_STORAGE, "").strip() == "redis":
        lines.append(
            f"flygate:env.{_STORAGE} is redis, and the stack has no Redis. Make one: `pulumi "
            f"config set storage redis`, and remove this: `pulumi config rm --path env.{_STORAGE}`."
        )
    _end(lines)


def _owners(stack: StackConfig, secrets: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(stack.owners.keys() - secrets.keys() - {redis.URL}):
        yield (
            f"flygate:owners.{name} is {stack.owners[name]}, and there is no secret {name}. Set "
            f"it: `pulumi config set --secret --path secrets.{name}`. Or remove this: `pulumi "
            f"config rm --path owners.{name}`."
        )


def _redis(stack: StackConfig, secrets: Mapping[str, str]) -> Iterator[str]:
    if stack.needs_redis(secrets) and not redis.NAME.fullmatch(stack.redis_name):
        yield (
            f"flygate:app is {stack.app}, which makes the name of its Redis, {stack.redis_name}, "
            "longer than 63 characters. Name it: `pulumi config set --path redis.name <name>`."
        )
    if not stack.brings_redis(secrets):
        return
    for key in _asked(stack):
        if key in _OF_A_MADE_ONE:
            value = json.dumps(getattr(stack.redis, key))
            yield (
                f"flygate:redis.{key} is {value}, and the stack brings a Redis of its own, which "
                f"Flygate does not change. Remove it: `pulumi config rm --path redis.{key}`."
            )


def _asked(stack: StackConfig) -> list[str]:
    """Return what the stack asks of a Redis that Flygate makes."""
    fields = type(stack.redis).model_fields
    asked = {key for key in fields if getattr(stack.redis, key) != fields[key].default}
    return sorted(asked - {"url"})


def _secrets(
    stack: StackConfig, secrets: Mapping[str, str], env: Mapping[str, str]
) -> Iterator[str]:
    for name in sorted(secrets):
        if (setting := meant(name)).startswith(OWN):
            yield (
                f"flygate:secrets.{name} (hidden) is no setting of the service. Did you mean "
                f"{setting}? Remove it: `pulumi config rm --path secrets.{name}`."
            )
    yield from secret_refusals(secrets, env, stack)


def _end(lines: list[str]) -> None:
    if lines:
        raise ConfigError("\n".join(lines))
