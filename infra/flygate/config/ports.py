"""`Port`: a public port of the app, which Fly's proxy leads to each machine that has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from flygate.config.web_service import services


class Port(NamedTuple):
    """`tcp` or `udp`, and a number."""

    protocol: str
    number: int


def public_ports(config: Mapping[str, Any]) -> Iterator[tuple[Port, int]]:
    """Yield the single ports of a machine config, each with the place of its service.

    Ranges are left out: what of them overlaps is the proxy's to say.
    """
    for index, service in enumerate(services(config)):
        for port in service.get("ports") or ():
            if port.get("port"):
                yield Port(service.get("protocol") or "tcp", port["port"]), index
