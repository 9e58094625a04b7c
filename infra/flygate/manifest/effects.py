"""What the stack sets of a rollout, and the strategy does not look at."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from flygate.config import StackConfig
from flygate.config.web_service import web_port
from flygate.flytoml import FlyToml, precedence
from flygate.manifest import others
from flygate.system import duration
from flygate.system.errors import ConfigError

_BLUEGREEN: Final = "bluegreen"
_IMMEDIATE: Final = "immediate"
_NO_WEB: Final = "fly.toml has no HTTP service, so no machine is asked and none compared"


def check(stack: StackConfig, file: FlyToml) -> None:
    """Refuse steps that a person has set in the stack and that nothing reads.

    Where the machines are changed in place, `others.check` says it. Beside `immediate` they are
    noted: in an emergency no setting of the calmer days may stand in the way.

    Raises:
        ConfigError: names the key, its value and the remedy.
    """
    strategy = precedence.strategy(stack, file)
    if others.is_kept(stack, file) or strategy != _BLUEGREEN or not _is_set(stack, "steps"):
        return
    raise ConfigError(
        f"{_named(stack, 'steps')}, and {_source(stack, file)} is {strategy}, which makes all "
        "new machines at once. Remove it: `pulumi config rm --path rollout.steps`. Or go in "
        "steps: `pulumi config set --path rollout.strategy canary`."
    )


def notes(stack: StackConfig, file: FlyToml, config: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each key that may well stay and has no effect now.

    Args:
        config: the machine config of the leading group.
    """
    if others.is_kept(stack, file):
        return
    is_immediate = precedence.strategy(stack, file) == _IMMEDIATE
    if not is_immediate and web_port(config) is not None:
        if _is_set(stack, "judge") and not duration.seconds(stack.rollout.soak):
            yield (
                f"{_named(stack, 'judge')}, and rollout.soak is {json.dumps(stack.rollout.soak)}: "
                "nothing is compared. `pulumi config set --path rollout.soak 2m` compares."
            )
        return
    strategy = f"{_source(stack, file)} is {_IMMEDIATE}, which asks for health only"
    why = strategy if is_immediate else _NO_WEB
    steps = ("steps",) if is_immediate else ()
    compared = ("soak",) if duration.seconds(stack.rollout.soak) else ()
    for key in (*steps, *compared, "judge"):
        if _is_set(stack, key):
            yield f"{_named(stack, key)}, and {why}: it has no effect."
    if stack.smoke.requests:
        yield f"flygate:smoke.requests has {len(stack.smoke.requests)}, and {why}: none is made."


def _is_set(stack: StackConfig, key: str) -> bool:
    by_default = key == "steps" and stack.rollout.by == "clients"
    return key in stack.rollout.model_fields_set and not by_default


def _named(stack: StackConfig, key: str) -> str:
    value = stack.rollout.model_dump(mode="json", exclude_unset=True)[key]
    return f"flygate:rollout.{key} is {json.dumps(value)}"


def _source(stack: StackConfig, file: FlyToml) -> str:
    """Say where the strategy is set."""
    if "strategy" in stack.rollout.model_fields_set or file.values.deploy is None:
        return "rollout.strategy"
    return f"deploy.strategy (fly.toml:{file.line('deploy', 'strategy')})"
