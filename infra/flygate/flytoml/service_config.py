"""The services and checks of a file in the terms of Fly's API, as flyctl sends them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from flygate.flytoml.schema import Schema
from flygate.flytoml.service_schema import HttpCheck, HttpService, Scaling, Service, TcpCheck

AUTOSTOP: Final[dict[str, bool | str]] = {"off": False, "stop": True, "suspend": "suspend"}
_DURATIONS: Final = ("interval", "timeout", "grace_period")
# Keys that flyctl sends also when they are empty: Go distinguishes zero from unset there.
_KEPT: Final = frozenset(
    {"compress", "h2_backend", "idle_timeout", "headers_read_timeout", "pristine"}
    | {"default_self_signed", "path_prefix", "ttl_seconds", "name"}
)
_HTTP: Final = ("method", "path", "protocol", "tls_skip_verify", "tls_server_name")


def services(schema: Schema) -> list[dict[str, Any]]:
    """Return `[http_service]` first, then each of `[[services]]`."""
    first = [_http_service(schema.http_service)] if schema.http_service else []
    return first + [_service(one) for one in schema.services]


def checks(schema: Schema) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield `[checks]` by name. Without a port they use that of `[http_service]`.

    Raises:
        ValueError: there is none.
    """
    for name, check in schema.checks.items():
        port = check.port or (schema.http_service and schema.http_service.internal_port)
        if port is None:
            raise ValueError(f"checks.{name} has no port, and there is no http_service to take it")
        found = {**_check(check, check.type), "port": port}
        if "method" in found:
            found["method"] = found["method"].upper()
        yield name, found


def _http_service(service: HttpService) -> dict[str, Any]:
    http = _set_values(service.http_options)
    tls = _set_values(service.tls_options)
    options = {"http_options": http} if http is not None else {}
    plain: dict[str, Any] = {"port": 80, "handlers": ["http"], **options}
    if service.force_https:
        plain["force_https"] = True
    secure = {"port": 443, "handlers": ["http", "tls"], **options}
    if tls is not None:
        secure["tls_options"] = tls
    found = [_check(one, "http") for one in service.checks]
    return {"protocol": "tcp", **_scaling(service, [plain, secure], found)}


def _service(service: Service) -> dict[str, Any]:
    ports = [_set_values(one) or {} for one in service.ports]
    found = [
        *(_check(one, "tcp") for one in service.tcp_checks),
        *(_check(one, "http") for one in service.http_checks),
    ]
    protocol = {"protocol": service.protocol} if service.protocol else {}
    return {**protocol, **_scaling(service, ports, found)}


def _scaling(
    service: Scaling, ports: list[dict[str, Any]], found: list[dict[str, Any]]
) -> dict[str, Any]:
    result: dict[str, Any] = {"internal_port": service.internal_port}
    if service.auto_stop_machines is not None:
        result["autostop"] = AUTOSTOP[service.auto_stop_machines]
    if service.auto_start_machines is not None:
        result["autostart"] = service.auto_start_machines
    if service.min_machines_running is not None:
        result["min_machines_running"] = service.min_machines_running
    if ports:
        result["ports"] = ports
    if found:
        result["checks"] = found
    if service.concurrency is not None:
        result["concurrency"] = _set_values(service.concurrency)
    result["force_instance_key"] = None
    return result


def _check(check: TcpCheck, kind: str) -> dict[str, Any]:
    names = (*_DURATIONS, *_HTTP) if isinstance(check, HttpCheck) else _DURATIONS
    values = {name: getattr(check, name) for name in names}
    result = {"type": kind} | {name: value for name, value in values.items() if value is not None}
    if isinstance(check, HttpCheck) and check.headers:
        result["headers"] = [_header(name, value) for name, value in sorted(check.headers.items())]
    return result


def _header(name: str, value: str) -> dict[str, Any]:
    return {"name": name, "values": [value]}


def _set_values(part: Any) -> dict[str, Any] | None:
    """Dump what the file sets, without what Go omits: zero, false, an empty list."""
    if part is None:
        return None
    return _without_nothing(part.model_dump(by_alias=True, exclude_unset=True))


def _without_nothing(found: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in found.items():
        if isinstance(value, Mapping) and key != "headers":
            result[key] = _without_nothing(value)
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            result[key] = [_without_nothing(one) for one in value]
        elif value or key in _KEPT:
            result[key] = value
    return result
