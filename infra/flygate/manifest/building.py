"""Make the manifest of a stack's configuration, its phase and fly.toml."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from flygate_wire.variables import SLIDING_WINDOW, Variable

from flygate.config import By, StackConfig, redis
from flygate.config.phases import Phase
from flygate.config.ports import public_ports
from flygate.config.regions import check as check_regions
from flygate.config.web_service import web_port
from flygate.flytoml import FlyToml, conflicts, machine_config, precedence
from flygate.flytoml.notices import Notice
from flygate.flytoml.release_command import release_command
from flygate.manifest import effects, others
from flygate.manifest.course import Course
from flygate.manifest.gates import Gates
from flygate.manifest.group import Group
from flygate.manifest.manifest import Manifest
from flygate.manifest.release_command import ReleaseCommand
from flygate.system.errors import ConfigError

# The variables by which a program knows that it is the release command.
_OF_THE_COMMAND: Final = ("FLY_PROCESS_GROUP", "RELEASE_COMMAND")
NO_REGION: Final = (
    "No region: set primary_region in fly.toml, or `pulumi config set --path 'regions[0]' iad`."
)


def build(stack: StackConfig, file: FlyToml, image: str, secret_names: Iterable[str]) -> Manifest:
    """Make the manifest of a stack's configuration, its phase and fly.toml.

    Raises:
        ConfigError: fly.toml and the configuration leave something open, or contradict each other.
    """
    where = regions(stack, file)
    others.check(stack, file)
    effects.check(stack, file)
    row = _workable(stack, file)
    config = row.over(machine_config(file), len(where), keeps_sizing=stack.sizing == "fly.toml")
    # Fly keeps machines awake there.
    config["env"] = {**config["env"], **stack.env, "PRIMARY_REGION": where[0]}
    names = tuple(sorted(secret_names))
    _check_overlap(stack.env, names)
    _check_affinity(stack.rollout.by, config)
    known = {*names, redis.URL}
    conflicts.check(file, stack, config, known)
    beside = others.others(stack, file, where, config["env"])
    for view, group in zip(file.groups[1:], beside, strict=True):
        conflicts.check_other(view, stack, group.config, known)
    if stack.rollout.by == "clients":
        _check_clients_are_one_group_s(file, config, beside)
    is_kept = others.is_kept(stack, file)
    return Manifest(
        app=stack.app,
        image=image,
        config=config,
        phase=stack.phase,
        regions=where,
        machines=row.machines,
        secrets=names,
        gates=Gates(
            wait=precedence.wait(stack, file),
            uptime=stack.rollout.uptime,
            drain=stack.rollout.drain,
            limiter=stack.smoke.limiter,
            requests=stack.smoke.requests,
            restart=stack.smoke.restart,
        ),
        rollout=Course.of(
            stack.rollout, "rolling" if is_kept else precedence.strategy(stack, file)
        ),
        volume=others.volume_of(file),
        in_place=file.group in stack.rollout.in_place,
        others=beside,
        release_command=_release_command(file, config),
    )


def regions(stack: StackConfig, file: FlyToml) -> tuple[str, ...]:
    """Return where the stack runs, the first region first.

    Raises:
        ConfigError: neither the stack nor fly.toml says it.
    """
    if stack.regions:
        return stack.regions
    primary = file.values.primary_region
    if not primary:
        raise ConfigError(NO_REGION)
    try:
        check_regions([primary])
    except ValueError as exc:
        line = file.line("primary_region")
        raise ConfigError(str(Notice(line, f"primary_region {exc}."))) from None
    return (primary,)


def _release_command(file: FlyToml, config: Mapping[str, Any]) -> ReleaseCommand | None:
    """Return the command; its machine has the app's environment, and the leading group's size."""
    found = release_command(file)
    if found is None:
        return None
    own = {"guest": config["guest"], **found["config"]}
    own["env"] = {**config["env"], **{key: own["env"][key] for key in _OF_THE_COMMAND}}
    return ReleaseCommand(config=own, timeout=found["timeout"])


def _workable(stack: StackConfig, file: FlyToml) -> Phase:
    """Return the stack's row, without affinity for sliding windows, which can't move."""
    row = precedence.row(stack, file)
    algorithm = {**file.values.env, **stack.env}.get(Variable.RATE_LIMIT_ALGORITHM)
    if algorithm != SLIDING_WINDOW or not row.affinity:
        return row
    if stack.affinity:
        raise ConfigError(
            "flygate:affinity is true, and RATE_LIMIT_ALGORITHM is sliding_window, whose counts "
            "can't be handed from one machine to another. Remove one: `pulumi config rm affinity`."
        )
    return replace(row, affinity=False)


def _check_affinity(by: By, config: Mapping[str, Any]) -> None:
    if by == "clients" and web_port(config) is None:
        raise ConfigError(
            'flygate:rollout.by is "clients", and no service of fly.toml speaks HTTP: there are '
            "none. Move machines instead: `pulumi config set --path rollout.by machines`."
        )
    if by == "clients" and config["env"].get(Variable.RATE_LIMIT_AFFINITY) != "on":
        raise ConfigError(
            'flygate:rollout.by is "clients"; it needs sticky sessions, and they are off '
            "(RATE_LIMIT_AFFINITY). Turn them on: `pulumi config set affinity true`. Or move "
            "machines instead: `pulumi config set --path rollout.by machines`."
        )


def _check_clients_are_one_group_s(
    file: FlyToml, config: Mapping[str, Any], beside: Iterable[Group]
) -> None:
    own = {port for port, _ in public_ports(config)}
    for group in beside:
        for port in sorted(own & {port for port, _ in public_ports(group.config)}):
            raise ConfigError(
                f'flygate:rollout.by is "clients", and port {port.number} is that of {file.group} '
                f"and {group.name}: the proxy gives any client to either. Keep it at one of them "
                "in fly.toml, or move machines: `pulumi config set --path rollout.by machines`."
            )


def _check_overlap(env: Mapping[str, str], secrets: tuple[str, ...]) -> None:
    both = sorted(set(env) & set(secrets))
    if both:
        raise ConfigError(
            f"{', '.join(both)}: set under both flygate:env and flygate:secrets. A secret wins "
            "over a variable of the same name on Fly, so one would never be seen; remove one."
        )
