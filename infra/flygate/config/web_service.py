"""The services of a machine config, and which of them speaks HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_HTTPS: Final = 443


def services(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return all services; a worker has none."""
    found: list[dict[str, Any]] = config.get("services") or []
    return found


def web_port(config: Mapping[str, Any]) -> int | None:
    """Return the internal port of the first service that speaks HTTP; None for a worker."""
    return next((int(one["internal_port"]) for one in services(config) if speaks_http(one)), None)


def is_public(config: Mapping[str, Any]) -> bool:
    """Whether the app's https:// address leads to that service."""
    first = next(filter(speaks_http, services(config)), None)
    return first is not None and any(map(_is_public, first["ports"]))


def speaks_http(service: Mapping[str, Any]) -> bool:
    """Whether Fly's proxy handles its requests as HTTP."""
    return any("http" in port.get("handlers", ()) for port in service.get("ports") or ())


def _is_public(port: Mapping[str, Any]) -> bool:
    first = port.get("port") or port.get("start_port") or 0
    last = port.get("port") or port.get("end_port") or first
    return "http" in port.get("handlers", ()) and first <= _HTTPS <= last
