"""`text`: the fly.toml with which `fly deploy` makes the machines of a manifest."""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from flygate.flytoml.service_config import AUTOSTOP
from flygate.manifest import Group, Manifest

# What flyctl sets itself, and what Flygate sets on each machine.
_NOT_THE_FILE_S: Final = frozenset({"FLY_PROCESS_GROUP", "PRIMARY_REGION"})
_AUTOSTOP: Final = {value: word for word, value in AUTOSTOP.items()}
_RESTART: Final = {"no": "never", "always": "always", "on-failure": "on-failure"}
_VM: Final = (
    "cpu_kind",
    "cpus",
    "memory_mb",
    "max_memory_mb",
    "host_dedication_id",
    "persist_rootfs",
    "kernel_args",
)
_CHECK: Final = (
    "interval",
    "timeout",
    "grace_period",
    "method",
    "path",
    "protocol",
    "tls_skip_verify",
    "tls_server_name",
)

Table = dict[str, Any]


def text(manifest: Manifest) -> str:
    """Write the file. Several groups may have what fly.toml says once; the leading one's counts."""
    leading = manifest.leading.config
    init, stop = leading.get("init", {}), leading.get("stop_config", {})
    top = {
        "app": manifest.app,
        "primary_region": manifest.regions[0],
        "kill_signal": stop.get("signal"),
        "kill_timeout": stop.get("timeout"),
        "swap_size_mb": init.get("swap_size_mb"),
    }
    env = {key: one for key, one in manifest.env.items() if key not in _NOT_THE_FILE_S}
    tables: list[tuple[str, Table]] = [
        ("[env]", env),
        ("[processes]", _processes(manifest)),
        ("[experimental]", {key: init[key] for key in ("entrypoint", "exec") if init.get(key)}),
        ("[deploy]", _deploy(manifest)),
        *_checks(manifest),
        *_lists(manifest),
    ]
    written = [_table("", top), *(_table(head, table) for head, table in tables if table)]
    return "\n".join(written)


def _processes(manifest: Manifest) -> Table:
    """Return the commands; none where one group runs the image's own under flyctl's own name."""
    groups = {group.name: group.config.get("init", {}).get("cmd", []) for group in manifest.groups}
    if groups == {"app": []}:
        return {}
    return {name: shlex.join(words) for name, words in groups.items()}


def _deploy(manifest: Manifest) -> Table:
    command = manifest.release_command
    if command is None:
        return {}
    size = {key: one for key, one in command.config.get("guest", {}).items() if key in _VM}
    return {
        "release_command": shlex.join(command.words),
        "release_command_timeout": command.timeout,
        "release_command_vm": size,
    }


def _checks(manifest: Manifest) -> Iterator[tuple[str, Table]]:
    """Yield each check with the groups that have it; those of one name are one check."""
    found: dict[str, Table] = {}
    for group in manifest.groups:
        for name, check in group.config.get("checks", {}).items():
            table = {"type": check["type"], "port": check["port"], **_check(check)}
            own = found.setdefault(name, {**table, "processes": []})
            own["processes"].append(group.name)
    for name, table in found.items():
        yield f"[checks.{_key(name)}]", table


def _lists(manifest: Manifest) -> Iterator[tuple[str, Table]]:
    for group in manifest.groups:
        for section, table in _sections(group):
            yield f"[[{section}]]", {**table, "processes": [group.name]}


def _sections(group: Group) -> Iterator[tuple[str, Table]]:
    config = group.config
    for service in config.get("services", ()):
        yield "services", _service(service)
    yield "vm", {key: one for key, one in config.get("guest", {}).items() if key in _VM}
    for mount in config.get("mounts", ()):
        yield "mounts", _mount(mount, group)
    if metrics := config.get("metrics"):
        yield "metrics", dict(metrics)
    if restart := config.get("restart"):
        retries = restart.get("max_retries")
        yield "restart", {"policy": _RESTART[restart["policy"]], "retries": retries}
    for file in config.get("files", ()):
        yield "files", _file(file)


def _service(service: Mapping[str, Any]) -> Table:
    table: Table = {key: service[key] for key in ("internal_port", "protocol") if key in service}
    if "autostop" in service:
        table["auto_stop_machines"] = _AUTOSTOP[service["autostop"]]
    if "autostart" in service:
        table["auto_start_machines"] = service["autostart"]
    if "min_machines_running" in service:
        table["min_machines_running"] = service["min_machines_running"]
    if limits := service.get("concurrency"):
        table["concurrency"] = limits
    table["ports"] = list(service.get("ports", ()))
    for kind in ("tcp", "http"):
        checks = [_check(one) for one in service.get("checks", ()) if one["type"] == kind]
        if checks:
            table[f"{kind}_checks"] = checks
    return table


def _check(check: Mapping[str, Any]) -> Table:
    table = {key: check[key] for key in _CHECK if key in check}
    if headers := check.get("headers"):
        table["headers"] = {one["name"]: one["values"][0] for one in headers}
    return table


def _mount(mount: Mapping[str, Any], group: Group) -> Table:
    table: Table = {"source": mount["name"], "destination": mount["path"]}
    if volume := group.volume:
        table["initial_size"] = f"{volume.size_gb}gb"
        table["snapshot_retention"] = volume.snapshot_retention
        table["scheduled_snapshots"] = volume.scheduled_snapshots
    if "extend_threshold_percent" in mount:
        table["auto_extend_size_threshold"] = mount["extend_threshold_percent"]
        table["auto_extend_size_increment"] = f"{mount['add_size_gb']}gb"
    if "size_gb_limit" in mount:
        table["auto_extend_size_limit"] = f"{mount['size_gb_limit']}gb"
    return table


def _file(file: Mapping[str, Any]) -> Table:
    table = dict(file)
    if "raw_value" in table:
        table["raw_value"] = base64.b64decode(table["raw_value"]).decode()
    return table


def _table(head: str, table: Mapping[str, Any]) -> str:
    lines = [f"{_key(key)} = {_value(one)}" for key, one in table.items() if _says(one)]
    return "\n".join([*([head] if head else []), *lines, ""])


def _says(value: Any) -> bool:
    return value is not None and value not in ({}, [])


def _value(value: Any) -> str:
    """Write a value in one line: tables within a table are inline ones."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, Mapping):
        return f"{{ {', '.join(_pairs(value.items()))} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    return _string(str(value))


def _pairs(items: Iterable[tuple[str, Any]]) -> Iterator[str]:
    return (f"{_key(key)} = {_value(one)}" for key, one in items if one is not None)


def _key(name: str) -> str:
    is_bare = name and all(c.isascii() and (c.isalnum() or c in "_-") for c in name)
    return name if is_bare else _string(name)


def _string(value: str) -> str:
    """Write a text as TOML's basic string, which escapes as JSON does."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
