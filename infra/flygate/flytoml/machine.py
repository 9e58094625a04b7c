"""The machine config that flyctl would send for a file, without image and metadata.

`flygate/manifest/building.py` lays the phase and the stack over it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from flygate.flytoml import mounts, service_config, shell_words, vm
from flygate.flytoml.fly_toml import FlyToml
from flygate.flytoml.lines import Path
from flygate.flytoml.notices import Notice
from flygate.flytoml.schema import File, Mount
from flygate.system.errors import ConfigError

_RESTART: Final = {"never": "no", "always": "always", "on-failure": "on-failure"}
# Of all files of a machine together; more belongs into the image.
_FILES_MAX: Final = 64 * 1024


def machine_config(file: FlyToml) -> dict[str, Any]:
    """Return the machine config of the file's process group; absent keys are left out.

    Raises:
        ConfigError: a value that Fly would refuse; the text names key and line.
    """
    values = file.values
    config: dict[str, Any] = {
        "env": _env(file),
        "init": _init(file),
        "guest": _guest(file),
        "services": service_config.services(values),
        "checks": naming(file, ("checks",), lambda: dict(service_config.checks(values))),
        "metrics": _metrics(file),
        "mounts": _mounts(file),
        "restart": _restart(file),
        "stop_config": _stop_config(file),
        "files": files(file),
    }
    return {key: value for key, value in config.items() if value or key in {"env", "init"}}


def volume(file: FlyToml) -> dict[str, Any] | None:
    """Return how the volume of each of the group's machines is made, or None without one.

    Raises:
        ConfigError: see `machine_config`.
    """
    found = list(_each_mount(file, mounts.volume))
    return found[0] if found else None


def files(file: FlyToml) -> list[dict[str, Any]]:
    """Return the files that are written into the machine; the last one of a path wins.

    Raises:
        ConfigError: see `machine_config`.
    """
    found: dict[str, dict[str, Any]] = {}
    for index, one in enumerate(file.values.files):
        found[one.guest_path] = _file(file, one, index)
    if sum(len(one.get("raw_value", "")) for one in found.values()) > _FILES_MAX:
        line = file.line("files")
        text = f"all [[files]] together have more than {_FILES_MAX:,} bytes. Put them in the image."
        raise ConfigError(str(Notice(line, text)))
    return list(found.values())


def split(key: str, command: str) -> list[str]:
    """Split a command into words, as a shell does.

    Raises:
        ValueError: it can't be split; the text begins with the key.
    """
    try:
        return shell_words.split(command)
    except ValueError as exc:
        raise ValueError(f"{key} {exc}: it can't be split into words") from None


def naming(file: FlyToml, path: Path, read: Callable[[], Any], prefix: str = "") -> Any:
    """Read a value; an error gets its line.

    Args:
        prefix: the section of `path`, if errors begin with a key in it.

    Raises:
        ConfigError: the value is wrong.
    """
    try:
        return read()
    except ValueError as exc:
        within = (str(exc).partition(" ")[0],) if prefix else ()
        raise ConfigError(str(Notice(file.line(*path, *within), f"{prefix}{exc}."))) from None


def _env(file: FlyToml) -> dict[str, str]:
    region = file.values.primary_region
    return {
        **file.values.env,
        "FLY_PROCESS_GROUP": file.group,
        **({"PRIMARY_REGION": region} if region else {}),
    }


def _init(file: FlyToml) -> dict[str, Any]:
    values, init = file.values, dict[str, Any]()
    if values.experimental:
        init = {
            "cmd": values.experimental.cmd,
            "entrypoint": values.experimental.entrypoint,
            "exec": values.experimental.exec,
        }
    if command := values.processes.get(file.group):
        init["cmd"] = naming(
            file, ("processes", file.group), lambda: split(f"processes.{file.group}", command)
        )
    init = {key: value for key, value in init.items() if value}
    if values.swap_size_mb is not None:
        init["swap_size_mb"] = values.swap_size_mb
    return init


def _guest(file: FlyToml) -> dict[str, Any]:
    """Without `[[vm]]`, take Fly's smallest machine; flyctl leaves the choice to Fly."""
    host = file.values.host_dedication_id
    if not file.values.vm:
        return {**vm.PRESETS[vm.SMALLEST], **({"host_dedication_id": host} if host else {})}
    (size,) = file.values.vm
    found: dict[str, Any] = naming(
        file, file.item_path("vm", 0), lambda: vm.guest(size, host), "vm."
    )
    return found


def _mounts(file: FlyToml) -> list[dict[str, Any]]:
    return list(_each_mount(file, mounts.mount))


def _each_mount(file: FlyToml, read: Callable[[Mount], dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for index, one in enumerate(file.values.mounts):
        path = file.item_path("mounts", index)
        yield naming(file, path, partial(read, one), "mounts.")


def _metrics(file: FlyToml) -> dict[str, Any]:
    if not file.values.metrics:
        return {}
    return file.values.metrics[0].model_dump(
        exclude={"processes"}, exclude_defaults=True, exclude_none=True
    )


def _restart(file: FlyToml) -> dict[str, Any]:
    if not file.values.restart:
        return {}
    restart = file.values.restart[-1]
    retries = {} if restart.retries is None else {"max_retries": restart.retries}
    return {"policy": _RESTART[restart.policy], **retries}


def _stop_config(file: FlyToml) -> dict[str, Any]:
    stop = {"timeout": file.values.kill_timeout, "signal": file.values.kill_signal}
    return {key: value for key, value in stop.items() if value is not None}


def _file(file: FlyToml, one: File, index: int) -> dict[str, Any]:
    """Send the content in base64."""
    result: dict[str, Any] = {"guest_path": one.guest_path}
    if one.local_path:
        content = naming(
            file,
            (*file.item_path("files", index), "local_path"),
            lambda: _local(file, one),
        )
        result["raw_value"] = base64.b64encode(content).decode()
    elif one.secret_name:
        result["secret_name"] = one.secret_name
    elif one.raw_value:
        result["raw_value"] = base64.b64encode(one.raw_value.encode()).decode()
    return result


def _local(file: FlyToml, one: File) -> bytes:
    path = file.folder / one.local_path
    try:
        if path.stat().st_size > _FILES_MAX:
            raise ValueError(f"files.local_path {one.local_path} is too large. Put it in the image")
        return path.read_bytes()
    except OSError as exc:
        raise ValueError(
            f"files.local_path {one.local_path} can't be read: {exc.strerror}. It is looked for "
            "beside fly.toml"
        ) from None
