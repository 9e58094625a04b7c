"""Health checks as a machine's config describes them, with the names that Fly gives them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from localfly.errors import InvalidArgumentError
from localfly.timing.duration import parse_duration

_DEFAULT_INTERVAL: Final = "15s"
_DEFAULT_TIMEOUT: Final = "2s"
_DEFAULT_GRACE: Final = "1s"


@dataclass(frozen=True, slots=True)
class CheckSpec:
    """One check of one machine."""

    name: str
    kind: str  # http | tcp
    port: int
    path: str
    method: str
    headers: tuple[tuple[str, str], ...]
    interval_seconds: float
    timeout_seconds: float
    grace_seconds: float
    routes: bool  # a failing check takes the machine out of the proxy's rotation


def parse_checks(
    services: Sequence[Mapping[str, Any]], checks: Mapping[str, Mapping[str, Any]]
) -> tuple[CheckSpec, ...]:
    """Parse service checks (`servicecheck-00-http-8080`, always routing), then the top-level ones
    by
    their key, which route only if their kind is `readiness`.
    """
    of_services = [
        (check, service) for service in services for check in service.get("checks") or []
    ]
    specs = [
        _spec(_service_check_name(number, check, service), check, service, routes=True)
        for number, (check, service) in enumerate(of_services)
    ]
    specs += [
        _spec(name, check, services[0] if services else {}, routes=check.get("kind") == "readiness")
        for name, check in checks.items()
    ]
    return tuple(specs)


def _service_check_name(number: int, check: Mapping[str, Any], service: Mapping[str, Any]) -> str:
    port = check.get("port") or service.get("internal_port")
    return f"servicecheck-{number:02}-{check.get('type')}-{port}"


def _spec(
    name: str, check: Mapping[str, Any], service: Mapping[str, Any], *, routes: bool
) -> CheckSpec:
    kind, port = check.get("type"), check.get("port") or service.get("internal_port")
    if kind not in {"http", "tcp"}:
        raise InvalidArgumentError(
            f"invalid_argument: check {name}: type must be 'http' or 'tcp', found {kind!r}"
        )
    if not isinstance(port, int):
        raise InvalidArgumentError(f"invalid_argument: check {name}: port is missing")
    return CheckSpec(
        name=name,
        kind=kind,
        port=port,
        path=check.get("path") or "/",
        method=(check.get("method") or "GET").upper(),
        headers=_headers(check.get("headers") or []),
        interval_seconds=_seconds(check, "interval", _DEFAULT_INTERVAL),
        timeout_seconds=_seconds(check, "timeout", _DEFAULT_TIMEOUT),
        grace_seconds=_seconds(check, "grace_period", _DEFAULT_GRACE),
        routes=routes,
    )


def _seconds(check: Mapping[str, Any], key: str, default: str) -> float:
    found = check.get(key)
    return parse_duration(default if found is None else found, f"checks.{key}")


def _headers(raw: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    return tuple((header["name"], value) for header in raw for value in header.get("values") or [])
