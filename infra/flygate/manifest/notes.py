"""What the plan says of process groups and volumes that works, and may surprise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from flygate.config import StackConfig
from flygate.config.ports import Port, public_ports
from flygate.flytoml import FlyToml, surprises
from flygate.flytoml.mounts import grows
from flygate.flytoml.notices import Notice
from flygate.manifest import effects, others
from flygate.manifest.group import Group

# A group's part of fly.toml, and what became of it.
_Pair: TypeAlias = tuple[FlyToml, Group]


def notes(stack: StackConfig, file: FlyToml, groups: Sequence[Group]) -> Iterator[str]:
    """Yield notes on groups.

    Args:
        file: of the leading group.
        groups: of the manifest, the leading one first.
    """
    pairs = tuple(zip(file.groups, groups, strict=True))
    for view, group in pairs:
        if group is not groups[0]:
            yield from surprises.notes_of_other(view, stack, group.config)
        yield from _of_volume(stack, view, group)
    yield from _shared_ports(pairs)
    yield from _shared_volumes(pairs)
    yield from others.without_effect(stack, file)
    yield from effects.notes(stack, file, groups[0].config)
    yield from _of_strategy(file, groups[0])


def _of_volume(stack: StackConfig, file: FlyToml, group: Group) -> Iterator[str]:
    if group.volume is None:
        return
    path = file.item_path("mounts", 0)
    if group.count > 1:
        yield _note(
            file,
            path,
            f"{group.name} has {group.count} machines, and each has a volume with data of its own.",
        )
    if not grows(group.config["mounts"][0], group.volume.size_gb):
        yield _note(
            file,
            (*path, "auto_extend_size_limit"),
            f"mounts.auto_extend_size_limit is not above the volume's {group.volume.size_gb} GB: "
            "it never grows.",
        )
    if group.name in stack.rollout.in_place:
        yield (
            f"flygate:rollout.in_place has {group.name}, whose machines have volumes: they are "
            "changed in place anyway."
        )


def _shared_ports(pairs: Sequence[_Pair]) -> Iterator[str]:
    """Fly's proxy takes no notice of groups: a port is all machines' that have it."""
    leading = pairs[0][1].name
    first: dict[Port, tuple[_Pair, int]] = {}
    for view, group in pairs:
        for port, index in public_ports(group.config):
            (other, its), other_index = first.setdefault(port, ((view, group), index))
            if its is group:
                continue
            theirs = other.line(*other.service_path(other_index))
            proved = f"; a release proves and compares those of {leading} alone"
            yield _note(
                view,
                view.service_path(index),
                f"port {port.number} ({port.protocol}) is {group.name}'s and {its.name}'s (line "
                f"{theirs}): the proxy shares its requests among the machines of both"
                f"{proved if its.name == leading else ''}.",
            )


def _shared_volumes(pairs: Sequence[_Pair]) -> Iterator[str]:
    """A new machine takes any volume of its name that no machine has."""
    first: dict[str, str] = {}
    for view, group in pairs:
        if group.volume is None:
            continue
        other = first.setdefault(group.volume.name, group.name)
        if other != group.name:
            yield _note(
                view,
                view.item_path("mounts", 0),
                f"the volumes of {other} and {group.name} are both named {group.volume.name}: a "
                "new machine of one may find data of the other. Give each a name of its own.",
            )


def _of_strategy(file: FlyToml, leading: Group) -> Iterator[str]:
    deploy = file.values.deploy
    if deploy and deploy.strategy not in {None, "rolling"} and leading.is_kept:
        yield _note(
            file,
            ("deploy", "strategy"),
            f'deploy.strategy is "{deploy.strategy}"; the machines of {leading.name} stay, and are '
            "changed in place, one after the other.",
        )


def _note(file: FlyToml, path: tuple[str | int, ...], text: str) -> str:
    return str(Notice(file.line(*path), text))
