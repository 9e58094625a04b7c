"""`[deploy] release_command`: the machine in which flyctl runs it, once for each release."""

from __future__ import annotations

from typing import Any, Final

from flygate.flytoml import machine, vm
from flygate.flytoml.fly_toml import FlyToml

GROUP: Final = "fly_app_release_command"
_TIMEOUT: Final = "5m"
# Those of the leading group's config that it has, too.
_SHARED: Final = ("files", "stop_config")


def release_command(file: FlyToml) -> dict[str, Any] | None:
    """Return the fields of `flygate.manifest.ReleaseCommand`, or None without a command.

    Its size is that of `release_command_vm`; without one the config has none.

    Raises:
        ConfigError: a value is wrong; the text names key and line.
    """
    deploy = file.values.deploy
    if deploy is None or not deploy.release_command:
        return None
    path = ("deploy", "release_command")
    words = machine.naming(
        file, path, lambda: machine.split(".".join(path), deploy.release_command)
    )
    like = machine.machine_config(file)
    init: dict[str, Any] = {"cmd": words}
    if file.values.experimental and file.values.experimental.entrypoint:
        init["entrypoint"] = file.values.experimental.entrypoint
    if file.values.swap_size_mb is not None:
        init["swap_size_mb"] = file.values.swap_size_mb
    size = deploy.release_command_vm
    config: dict[str, Any] = {
        "init": init,
        "env": {**like["env"], "FLY_PROCESS_GROUP": GROUP, "RELEASE_COMMAND": "1"},
        "restart": {"policy": "no"},
        "dns": {"skip_registration": True},
        **{key: like[key] for key in _SHARED if key in like},
    }
    if size:
        host = file.values.host_dedication_id
        config["guest"] = machine.naming(
            file, ("deploy", "release_command_vm"), lambda: vm.guest(size, host)
        )
    return {"config": config, "timeout": deploy.release_command_timeout or _TIMEOUT}
