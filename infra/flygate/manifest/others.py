"""The process groups beside the leading one, and what the stack says of groups at all."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from flygate.config import StackConfig
from flygate.flytoml import FlyToml, machine_config
from flygate.flytoml.machine import volume
from flygate.manifest.group import VARIABLE, Group
from flygate.manifest.volume import Volume
from flygate.system.errors import ConfigError

# Keys of `flygate:rollout` that say how machines are replaced beside each other; the first two are
# in the file of each stack that Flygate makes, so that they have no effect is only noted.
_NOTED: Final = ("strategy", "soak")
_REFUSED: Final = ("by", "steps", "judge")


def others(
    stack: StackConfig, file: FlyToml, regions: tuple[str, ...], env: Mapping[str, str]
) -> tuple[Group, ...]:
    """Return the other groups: sizes and services are as the file has them.

    A group with a service runs in all regions, one without (a worker) in the first.

    Args:
        env: of the leading group; theirs is the same, but for the name of the group.
    """
    return tuple(_other(stack, one, regions, env) for one in file.groups[1:])


def volume_of(file: FlyToml) -> Volume | None:
    """Return the volume of each machine of the file's group."""
    found = volume(file)
    return Volume(**found) if found else None


def check(stack: StackConfig, file: FlyToml) -> None:
    """Refuse what the stack says of groups and can't take effect.

    Args:
        file: of the leading group.

    Raises:
        ConfigError: names each key, and the remedy.
    """
    replacing = (
        f"{line} Remove it: `pulumi config rm --path rollout.{key}`."
        for key, line in _without_effect(stack, file, _REFUSED)
    )
    lines = [*_counts(stack, file), *_names_in_place(stack, file), *replacing]
    if lines:
        raise ConfigError("\n".join(lines))


def without_effect(stack: StackConfig, file: FlyToml) -> Iterator[str]:
    """Yield a line for each key of the stack that does nothing, as what serves is kept."""
    return (line for _, line in _without_effect(stack, file, _NOTED))


def is_kept(stack: StackConfig, file: FlyToml) -> bool:
    """Whether the machines of the file's group stay, and are changed in place."""
    return bool(file.values.mounts) or file.group in stack.rollout.in_place


def _other(
    stack: StackConfig, file: FlyToml, regions: tuple[str, ...], env: Mapping[str, str]
) -> Group:
    config: dict[str, Any] = machine_config(file)
    config["env"] = {**env, VARIABLE: file.group}
    return Group(
        name=file.group,
        config=config,
        regions=regions if config.get("services") else regions[:1],
        machines=stack.count.get(file.group, 1),
        volume=volume_of(file),
        in_place=file.group in stack.rollout.in_place,
    )


def _counts(stack: StackConfig, file: FlyToml) -> Iterator[str]:
    known = [one.group for one in file.groups]
    for name, count in sorted(stack.count.items()):
        if name == file.group:
            yield (
                f"flygate:count.{name} is {count}, and {name} is the group whose size the phase "
                f"sets. Say it there: `pulumi config set machines {count}`, and "
                f"`pulumi config rm --path count.{name}`."
            )
        elif name not in known:
            yield (
                f"flygate:count.{name} is {count}, and fly.toml has no process group {name}: it "
                f"has {', '.join(known)}. Remove it: `pulumi config rm --path count.{name}`."
            )


def _names_in_place(stack: StackConfig, file: FlyToml) -> Iterator[str]:
    known = [one.group for one in file.groups]
    for name in stack.rollout.in_place:
        if name not in known:
            yield (
                f"flygate:rollout.in_place has {name}, and fly.toml has no such process group: "
                f"it has {', '.join(known)}. Name one of them, or remove it: "
                "`pulumi config rm --path rollout.in_place`."
            )


def _without_effect(
    stack: StackConfig, file: FlyToml, keys: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    """What serves is changed in place: nothing is beside it, so nothing can be compared."""
    if not is_kept(stack, file):
        return
    why = "has a volume" if file.values.mounts else "is in rollout.in_place"
    for key in keys:
        if key in stack.rollout.model_fields_set:
            value = stack.rollout.model_dump(mode="json", exclude_unset=True)[key]
            yield (
                key,
                f"flygate:rollout.{key} is {json.dumps(value)}, and {file.group} {why}: its "
                "machines are changed in place, one after the other, and nothing is compared.",
            )
