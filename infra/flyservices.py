"""The services of a `fly.toml`, with their ports and checks, as flyctl sends them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra import goduration

PROCESS_GROUP = "app"
_AUTOSTOP: dict[Any, Any] = {"off": False, "stop": True, "suspend": "suspend"}
_DURATIONS = ("interval", "timeout", "grace_period")
_PLAIN = ("method", "path", "protocol", "tls_skip_verify", "tls_server_name")


def services(toml: Mapping[str, Any]) -> list[dict[str, Any]]:
    """`[http_service]` first, then each of `[[services]]`."""
    found = [_http_service(one) for one in concerning(toml, "http_service")]
    return found + [_service(one) for one in concerning(toml, "services")]


def concerning(toml: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """The sections of a name that say nothing of process groups, or name ours. `[x]` and `[[x]]`
    are the same thing.
    """
    found = toml.get(key) or []
    sections = [found] if isinstance(found, Mapping) else found
    return [dict(one) for one in sections if PROCESS_GROUP in one.get("processes", [PROCESS_GROUP])]


def check(found: Mapping[str, Any], kind: str, key: str) -> dict[str, Any]:
    """One check.

    Args:
        key: where it stands in the file, for the complaint about a duration.
    """
    result: dict[str, Any] = {"type": kind}
    for name in _DURATIONS:
        if name in found:
            result[name] = goduration.normal(found[name], f"{key}.{name}")
    result |= {name: found[name] for name in _PLAIN if name in found}
    if headers := found.get("headers"):
        result["headers"] = [{"name": name, "values": [value]} for name, value in headers.items()]
    return result


def _http_service(service: Mapping[str, Any]) -> dict[str, Any]:
    options = {k: service[k] for k in ("http_options",) if k in service}
    tls = {k: service[k] for k in ("tls_options",) if k in service}
    plain: dict[str, Any] = {"port": 80, "handlers": ["http"], **options}
    if service.get("force_https"):
        plain["force_https"] = True
    ports = [plain, {"port": 443, "handlers": ["http", "tls"], **options, **tls}]
    checks = [check(one, "http", "http_service.checks") for one in service.get("checks") or []]
    return _with_scaling(service, ports, checks)


def _service(service: Mapping[str, Any]) -> dict[str, Any]:
    checks = [
        check(one, kind, f"services.{kind}_checks")
        for kind in ("tcp", "http")
        for one in service.get(f"{kind}_checks") or []
    ]
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
