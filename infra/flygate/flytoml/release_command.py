"""`[deploy] release_command`: the machine in which flyctl runs it, once for each release."""

from __future__ import annotations

from typing import Any, Final

from flygate.config.sizing import guest_problem
from flygate.flytoml import machine, vm
from flygate.flytoml.fly_toml import FlyToml
from flygate.flytoml.schema import Compute
from flygate.system import duration

GROUP: Final = "fly_app_release_command"
_TIMEOUT: Final = "5m"
_KEY: Final = ("deploy", "release_command")
_SIZE: Final = ("deploy", "release_command_vm")


def release_command(file: FlyToml) -> dict[str, Any] | None:
    """Return the fields of `flygate.manifest.ReleaseCommand`, or None without a command.

    Its size is that of `release_command_vm`; without one the config has none. Its files are those
    of all groups, as with flyctl.

    Raises:
        ConfigError: a value is wrong; the text names key and line.
    """
    deploy = file.values.deploy
    if deploy is None or not deploy.release_command:
        return None
    like = machine.machine_config(file)
    config: dict[str, Any] = {
        "init": _init(file, deploy.release_command),
        "env": {**like["env"], "FLY_PROCESS_GROUP": GROUP, "RELEASE_COMMAND": "1"},
        "restart": {"policy": "no"},
        "dns": {"skip_registration": True},
        "stop_config": like.get("stop_config"),
        "files": machine.files(file.undivided),
        "guest": _guest(file, deploy.release_command_vm),
    }
    asked = deploy.release_command_timeout
    return {
        "config": {key: value for key, value in config.items() if value},
        "timeout": duration.setting(asked) if asked else _TIMEOUT,
    }


def _init(file: FlyToml, command: str) -> dict[str, Any]:
    words = machine.naming(file, _KEY, lambda: _words(command))
    init: dict[str, Any] = {"cmd": words}
    if file.values.experimental and file.values.experimental.entrypoint:
        init["entrypoint"] = file.values.experimental.entrypoint
    if file.values.swap_size_mb is not None:
        init["swap_size_mb"] = file.values.swap_size_mb
    return init


def _words(command: str) -> list[str]:
    """Split it; of one without a word flyctl would start the image's own, which never ends."""
    words = machine.split("deploy.release_command", command)
    if not words:
        raise ValueError(
            "deploy.release_command has no word, so the image's own command would run. Write one, "
            "or remove it"
        )
    return words


def _guest(file: FlyToml, size: Compute | None) -> dict[str, Any] | None:
    if size is None:
        return None
    found: dict[str, Any] = machine.naming(
        file, _SIZE, lambda: _checked(file, size), "deploy.release_command_vm."
    )
    return found


def _checked(file: FlyToml, size: Compute) -> dict[str, Any]:
    found = vm.guest(size, file.values.host_dedication_id)
    if problem := guest_problem(found["cpu_kind"], found["cpus"], found["memory_mb"]):
        raise ValueError(problem)
    return found
