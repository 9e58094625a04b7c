"""`fly.toml` → the machine config that flyctl would send for the same file.

Source of the mapping: flyctl's `internal/appconfig` and its recorded requests. Only what
flyctl itself does on its side (deploy strategy, release command) is left out.
"""

from __future__ import annotations

import copy
import shlex
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.errors import ConfigError

PROCESS_GROUP = "app"
_GUEST_KEYS = ("cpu_kind", "cpus", "memory_mb")
_AUTOSTOP: dict[Any, Any] = {"off": False, "stop": True, "suspend": "suspend"}
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
    """The machine config of the process group `app`, without image and metadata."""
    config: dict[str, Any] = {
        "env": _env(toml),
        "init": _init(toml),
        "guest": _guest(toml),
        "services": _services(toml),
        "checks": _checks(toml),
        "metrics": _first(toml.get("metrics")),
        "restart": _restart(toml),
        "stop_config": _stop_config(toml),
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
    vm = _first(toml.get("vm"))
    if "size" in vm:
        guest = _preset(str(vm["size"]))
    else:
        guest = {"cpu_kind": "shared", "cpus": 1, "memory_mb": 256}
    guest |= {key: vm[key] for key in _GUEST_KEYS if key in vm}
    if "memory" in vm:
        guest["memory_mb"] = _megabytes(vm["memory"])
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


def _megabytes(memory: int | str) -> int:
    text = str(memory).lower().strip()
    for unit, factor in (("gb", 1024), ("mb", 1), ("g", 1024), ("m", 1), ("", 1)):
        number = text.removesuffix(unit).strip()
        if text.endswith(unit) and number.isdigit():
            return int(number) * factor
    raise ConfigError(f'fly.toml: vm.memory {memory!r} is no size, as in "512mb" or "1gb"')


def _services(toml: Mapping[str, Any]) -> list[dict[str, Any]]:
    services = [_http_service(toml["http_service"])] if "http_service" in toml else []
    return services + [_service(service) for service in toml.get("services") or []]


def _http_service(service: Mapping[str, Any]) -> dict[str, Any]:
    options = {k: service[k] for k in ("http_options",) if k in service}
    tls = {k: service[k] for k in ("tls_options",) if k in service}
    plain: dict[str, Any] = {"port": 80, "handlers": ["http"], **options}
    if service.get("force_https"):
        plain["force_https"] = True
    ports = [plain, {"port": 443, "handlers": ["http", "tls"], **options, **tls}]
    checks = [_check(check, "http") for check in service.get("checks") or []]
    return _with_scaling(service, ports, checks)


def _service(service: Mapping[str, Any]) -> dict[str, Any]:
    checks = [_check(check, "tcp") for check in service.get("tcp_checks") or []]
    checks += [_check(check, "http") for check in service.get("http_checks") or []]
    return _with_scaling(service, list(service.get("ports") or []), checks)


def _with_scaling(
    service: Mapping[str, Any], ports: list[dict[str, Any]], checks: list[dict[str, Any]]
) -> dict[str, Any]:
    result: dict[str, Any] = {
        "protocol": service.get("protocol", "tcp"),
        "internal_port": service.get("internal_port", 8080),
    }
    if "auto_stop_machines" in service:
        stop = service["auto_stop_machines"]
        result["autostop"] = _AUTOSTOP.get(stop, stop)
    if "auto_start_machines" in service:
        result["autostart"] = service["auto_start_machines"]
    if "min_machines_running" in service:
        result["min_machines_running"] = service["min_machines_running"]
    result["ports"] = ports
    if checks:
        result["checks"] = checks
    if "concurrency" in service:
        result["concurrency"] = dict(service["concurrency"])
    result["force_instance_key"] = None
    return result


def _check(check: Mapping[str, Any], kind: str) -> dict[str, Any]:
    result: dict[str, Any] = {"type": kind}
    for key in ("interval", "timeout", "grace_period", "method", "path", "protocol"):
        if key in check:
            result[key] = check[key]
    for key in ("tls_skip_verify", "tls_server_name"):
        if key in check:
            result[key] = check[key]
    if headers := check.get("headers"):
        result["headers"] = [{"name": name, "values": [value]} for name, value in headers.items()]
    return result


def _checks(toml: Mapping[str, Any]) -> dict[str, Any]:
    port = (toml.get("http_service") or {}).get("internal_port", 8080)
    checks: dict[str, Any] = {}
    for name, check in (toml.get("checks") or {}).items():
        result = _check(check, check.get("type", "http"))
        result["port"] = check.get("port", port)
        if "method" in result:
            result["method"] = result["method"].upper()
        checks[name] = result
    return checks


def _restart(toml: Mapping[str, Any]) -> dict[str, Any]:
    restart = _first(toml.get("restart"))
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
        timeout = toml["kill_timeout"]
        stop["timeout"] = f"{timeout}s" if isinstance(timeout, int) else timeout
    if "kill_signal" in toml:
        stop["signal"] = toml["kill_signal"]
    return stop


def _first(section: Any) -> dict[str, Any]:
    """fly.toml allows `[x]` and `[[x]]` for the same thing; one machine has one of them."""
    if isinstance(section, list):
        return dict(section[0]) if section else {}
    return dict(section or {})
