"""Backends for the proxy's pure decisions: no machine, no socket."""

from dataclasses import replace
from typing import Any

from localfly.machines.service import Service, parse_service
from localfly.proxy.backend import Backend
from localfly.proxy.stats import InstanceStats

USUAL = parse_service({"internal_port": 8080, "ports": [{"port": 80, "handlers": ["http"]}]})


def service(**changes: Any) -> Service:
    """A usual service but for these fields."""
    return replace(USUAL, **changes)


def backend(
    name: str,
    in_flight: int = 0,
    *,
    region: str = "iad",
    primary_region: str = "iad",
    app: str = "demo",
    **changes: Any,
) -> Backend:
    """A machine with this number of requests; `changes` are of its service."""
    return Backend(
        run=name,
        machine_id=name,
        app=app,
        region=region,
        host="127.0.0.1",
        port=1,
        service=service(**changes),
        primary_region=primary_region,
        stats=InstanceStats(app, region, name),
        response_headers=(),
        is_routed=True,
        in_flight=in_flight,
    )
