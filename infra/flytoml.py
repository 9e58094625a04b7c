"""`fly.toml` → the machine config that flyctl would send for the same file.

Source of the mapping: what the real flyctl sent for the files in `tests/infra/flytoml`. Only what
flyctl itself does on its side (deploy strategy, release command) is left out, and a mount's
volume, which is chosen per machine.
"""

from __future__ import annotations

import base64
import copy
import shlex
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra import flyservices, goduration
from infra.errors import ConfigError
from infra.flyservices import PROCESS_GROUP, check, concerning

_GUEST_KEYS = ("cpu_kind", "cpus", "memory_mb")
_RESTART_POLICY = {"never": "no", "always": "always", "on-failure": "on-failure"}


def read(path: Path) -> dict[str, Any]:
    """Read a `fly.toml`.

    Raises:
        ConfigError: it is missing or no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path.name} is missing: it is the base of the machine config") from None
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError(f"{path.name} is no valid TOML: {exc}") from exc


def overlay(toml: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """`toml` with `extra` merged over it, table by table; lists are replaced."""
    merged = copy.deepcopy(dict(toml))
    for key, value in extra.items():
        if isinstance(value, Mapping) and isinstance(merged.get(key), Mapping):
            merged[key] = overlay(merged[key], value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged


def machine_config(toml: Mapping[str, Any]) -> dict[str, Any]:
    """The machine config of the process group `app`, without image and metadata.

    Raises:
        ConfigError: a value that Fly would refuse; the text names it.
    """
    config: dict[str, Any] = {
        "env": _env(toml),
        "init": _init(toml),
        "guest": _guest(toml),
        "services": flyservices.services(toml),
        "checks": _checks(toml),
        "metrics": _first(toml, "metrics"),
        "restart": _restart(toml),
        "stop_config": _stop_config(toml),
        "mounts": [_mount(mount) for mount in concerning(toml, "mounts")],
        "statics": [_static(static) for static in concerning(toml, "statics")],
        "files": [_file(file) for file in concerning(toml, "files")],
    }
    return {key: value for key, value in config.items() if value or key in {"env", "init"}}


def _env(toml: Mapping[str, Any]) -> dict[str, str]:
    env = {name: _text(value) for name, value in (toml.get("env") or {}).items()}
    env["FLY_PROCESS_GROUP"] = PROCESS_GROUP
    if region := toml.get("primary_region"):
        env["PRIMARY_REGION"] = region
    return env


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _init(toml: Mapping[str, Any]) -> dict[str, Any]:
    init: dict[str, Any] = {}
    experimental = toml.get("experimental") or {}
    for key in ("cmd", "entrypoint", "exec"):
        if key in experimental:
            init[key] = list(experimental[key])
    if command := (toml.get("processes") or {}).get(PROCESS_GROUP):
        init["cmd"] = shlex.split(command)
    if "swap_size_mb" in toml:
        init["swap_size_mb"] = toml["swap_size_mb"]
    return init


def _guest(toml: Mapping[str, Any]) -> dict[str, Any]:
    vm = _first(toml, "vm")
    if "size" in vm:
        guest = _preset(str(vm["size"]))
    else:
        guest = {"cpu_kind": "shared", "cpus": 1, "memory_mb": 256}
    guest |= {key: vm[key] for key in _GUEST_KEYS if key in vm}
    if "memory" in vm:
        guest["memory_mb"] = _megabytes(vm["memory"], "vm.memory")
    return guest


def _preset(size: str) -> dict[str, Any]:
    kind, _, count = size.removesuffix("x").rpartition("-")
    if kind not in {"shared-cpu", "performance"} or not count.isdigit():
        raise ConfigError(f'fly.toml: vm.size "{size}" is no preset, as in "shared-cpu-1x"')
    per_cpu = 256 if kind == "shared-cpu" else 2048
    return {
        "cpu_kind": kind.removesuffix("-cpu"),
        "cpus": int(count),
        "memory_mb": int(count) * per_cpu,
    }


def _megabytes(memory: int | str, key: str) -> int:
    text = str(memory).lower().strip()
    for unit, factor in (("gb", 1024), ("mb", 1), ("g", 1024), ("m", 1), ("", 1)):
        number = text.removesuffix(unit).strip()
        if text.endswith(unit) and number.isdigit():
            return int(number) * factor
    raise ConfigError(f'fly.toml: {key} {memory!r} is no size, as in "512mb" or "1gb"')


def _checks(toml: Mapping[str, Any]) -> dict[str, Any]:
    port = (toml.get("http_service") or {}).get("internal_port", 8080)
    checks: dict[str, Any] = {}
    for name, found in (toml.get("checks") or {}).items():
        if PROCESS_GROUP not in found.get("processes", [PROCESS_GROUP]):
            continue
        result = check(found, found.get("type", "http"), f"checks.{name}")
        result["port"] = found.get("port", port)
        if "method" in result:
            result["method"] = result["method"].upper()
        checks[name] = result
    return checks


def _restart(toml: Mapping[str, Any]) -> dict[str, Any]:
    restart = _first(toml, "restart")
    if not restart:
        return {}
    policy = restart.get("policy", "on-failure")
    if policy not in _RESTART_POLICY:
        raise ConfigError(
            f'fly.toml: restart.policy "{policy}" must be one of {", ".join(_RESTART_POLICY)}'
        )
    result: dict[str, Any] = {"policy": _RESTART_POLICY[policy]}
    if "retries" in restart:
        result["max_retries"] = restart["retries"]
    return result


def _stop_config(toml: Mapping[str, Any]) -> dict[str, Any]:
    stop: dict[str, Any] = {}
    if "kill_timeout" in toml:
        stop["timeout"] = goduration.normal(toml["kill_timeout"], "kill_timeout", unit="s")
    if "kill_signal" in toml:
        stop["signal"] = toml["kill_signal"]
    return stop


def _mount(mount: Mapping[str, Any]) -> dict[str, Any]:
    result = {"path": mount["destination"], "name": mount["source"]}
    if threshold := mount.get("auto_extend_size_threshold"):
        result["extend_threshold_percent"] = threshold
    sizes = {"increment": "add_size_gb", "limit": "size_gb_limit"}
    for name, sent in sizes.items():
        key = f"auto_extend_size_{name}"
        if key in mount:
            result[sent] = _megabytes(mount[key], f"mounts.{key}") // 1024
    return result


def _static(static: Mapping[str, Any]) -> dict[str, Any]:
    always = ("guest_path", "url_prefix", "tigris_bucket", "index_document")
    return {key: static.get(key, "") for key in always}


def _file(file: Mapping[str, Any]) -> dict[str, Any]:
    """The content is sent in base64, whatever it is in the file."""
    result = {key: value for key, value in file.items() if key != "processes"}
    if "raw_value" in file:
        result["raw_value"] = base64.b64encode(file["raw_value"].encode()).decode()
    return result


def _first(toml: Mapping[str, Any], key: str) -> dict[str, Any]:
    """One machine has one of them, though the file may hold one for each process group."""
    found = concerning(toml, key)
    return {name: value for name, value in found[0].items() if name != "processes"} if found else {}
