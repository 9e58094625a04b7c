"""Which one wins where `fly.toml` and the stack set the same thing, with a note of it.

The phase decides on guest, concurrency and autostop of the machines; with `sizing: fly.toml` the
file does, for what it sets. The stack's `rollout` wins over `[deploy]` where it is set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from flygate.config import StackConfig
from flygate.config.phases import Phase
from flygate.config.sizing import check_sizes
from flygate.config.web_service import services, speaks_http
from flygate.flytoml import FlyToml, machine_config
from flygate.flytoml.lines import Path
from flygate.flytoml.notices import Notice
from flygate.flytoml.schema_errors import dotted
from flygate.flytoml.service_config import AUTOSTOP
from flygate.system import duration
from flygate.system.errors import ConfigError

_LETS_THE_FILE_WIN: Final = (
    "`pulumi config set sizing fly.toml` lets fly.toml win (docs/fly-toml.md)."
)
_AUTOSTOP: Final[dict[bool | str, Any]] = {api: word for word, api in AUTOSTOP.items()}
_GUEST: Final = ("cpu_kind", "cpus", "memory_mb")
# The stack's keys → the file's keys that decide the same.
_MINIMUM: Final = "min_machines_running"
_SAME: Final = {
    "guest": "vm",
    "concurrency": "concurrency",
    "autostop": "auto_stop_machines",
    "minimum_running": _MINIMUM,
}


@dataclass(frozen=True, slots=True)
class _Setting:
    """A value that both the file and the stack set."""

    path: Path
    key: str
    in_file: Any
    in_stack: Any

    def line(self, file: FlyToml, phase: int) -> str:
        """Name both values, and the one that wins."""
        text = (
            f"{self.key} is {_words(self.in_file)}; the stack (phase {phase}) has "
            f"{_words(self.in_stack)}, which wins."
        )
        return str(Notice(file.line(*self.path), text))


def row(stack: StackConfig, file: FlyToml) -> Phase:
    """Return the stack's row, with the file's sizes under `sizing: fly.toml`.

    Raises:
        ConfigError: both decide, none does, or Fly would refuse the result.
    """
    if stack.sizing == "phase":
        return stack.row
    set_by_file = list(_settings(machine_config(file), file, stack.row))
    _check_one_decides(stack, file, set_by_file)
    found = stack.row
    for one in reversed(set_by_file):  # of several services the first one's
        found = _with(found, one.key.rpartition(".")[2], one.in_file)
    try:
        check_sizes(found)
    except ValueError as exc:
        raise ConfigError(f"With flygate:sizing fly.toml, {exc}.") from None
    return found


def notes(stack: StackConfig, file: FlyToml) -> Iterator[str]:
    """Yield a note for each value of the file that does not win."""
    if stack.sizing == "phase":
        found = [
            one
            for one in _settings(machine_config(file), file, stack.row)
            if one.in_file != one.in_stack
        ]
        yield from (one.line(file, stack.phase) for one in found)
        if found:
            yield _LETS_THE_FILE_WIN
    yield from _notes_of_rollout(stack, file)


def strategy(stack: StackConfig, file: FlyToml) -> Any:
    """Return the stack's strategy if it is set, else the file's, else the default."""
    deploy = file.values.deploy
    if _is_set(stack, "strategy") or deploy is None or stack.rollout.by == "clients":
        return stack.rollout.strategy
    return deploy.strategy or stack.rollout.strategy


def wait(stack: StackConfig, file: FlyToml) -> str:
    """Return how long a new machine may take, chosen as the strategy is."""
    deploy = file.values.deploy
    if _is_set(stack, "wait") or deploy is None or deploy.wait_timeout is None:
        return stack.rollout.wait
    return duration.setting(deploy.wait_timeout)


def _settings(config: Mapping[str, Any], file: FlyToml, row: Phase) -> Iterator[_Setting]:
    if file.values.vm:
        given = {key: getattr(row, key) for key in _GUEST}
        for key in _GUEST:
            path = file.item_path("vm", 0)
            yield _Setting(path, f"vm.{key}", config["guest"][key], given[key])
    for index, service in enumerate(services(config)):
        yield from _service_settings(service, file.service_path(index), row)


def _service_settings(service: Mapping[str, Any], path: Path, row: Phase) -> Iterator[_Setting]:
    name = dotted(path)
    if "autostop" in service:
        key = "auto_stop_machines"
        yield _Setting((*path, key), f"{name}.{key}", _AUTOSTOP[service["autostop"]], row.autostop)
    if "autostart" in service:
        key = "auto_start_machines"
        yield _Setting((*path, key), f"{name}.{key}", service["autostart"], True)
    if _MINIMUM in service:
        yield _Setting(
            (*path, _MINIMUM), f"{name}.{_MINIMUM}", service[_MINIMUM], row.minimum_running
        )
    if speaks_http(service):
        limits = {"type": row.concurrency, "soft_limit": row.soft_limit}
        limits |= {"hard_limit": row.hard_limit}
        for key, value in service.get("concurrency", {}).items():
            where = (*path, "concurrency", key)
            yield _Setting(where, f"{name}.concurrency.{key}", value, limits[key])


def _with(row: Phase, key: str, value: Any) -> Phase:
    names = {
        "auto_stop_machines": "autostop",
        _MINIMUM: "minimum_running",
        "type": "concurrency",
        "auto_start_machines": "",
    }
    name = names.get(key, key)
    return replace(row, **{name: value}) if name else row


def _check_one_decides(stack: StackConfig, file: FlyToml, found: list[_Setting]) -> None:
    if not found:
        raise ConfigError(
            "flygate:sizing is fly.toml, and fly.toml says nothing of vm, concurrency or "
            "auto_stop_machines. Say it there, or: `pulumi config rm sizing`."
        )
    for key, file_key in _SAME.items():
        places = [one for one in found if file_key in (str(part) for part in one.path)]
        if key in stack.model_fields_set and places:
            text = (
                f"{places[0].key} and the stack's flygate:{key} both decide, with flygate:sizing "
                f"fly.toml. Remove one: `pulumi config rm {key}`."
            )
            raise ConfigError(str(Notice(file.line(*places[0].path), text)))


def _notes_of_rollout(stack: StackConfig, file: FlyToml) -> Iterator[str]:
    deploy = file.values.deploy
    if deploy is None:
        return
    effective = strategy(stack, file)
    if deploy.strategy and deploy.strategy != effective:
        yield _rollout_note(file, "strategy", deploy.strategy, effective)
    if deploy.wait_timeout and _is_set(stack, "wait"):
        value = duration.nanoseconds(deploy.wait_timeout)
        if value != round(duration.seconds(stack.rollout.wait) * duration.SECOND):
            yield _rollout_note(file, "wait_timeout", deploy.wait_timeout, stack.rollout.wait)


def _rollout_note(file: FlyToml, key: str, value: str, effective: str) -> str:
    name = "wait" if key == "wait_timeout" else key
    text = (
        f'deploy.{key} is "{value}"; the stack\'s rollout.{name} is "{effective}", which wins. To '
        f"let fly.toml win: pulumi config rm --path rollout.{name}"
    )
    return str(Notice(file.line("deploy", key), text))


def _is_set(stack: StackConfig, key: str) -> bool:
    return "rollout" in stack.model_fields_set and key in stack.rollout.model_fields_set


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)
