"""Every path that the service answers itself, and who may ask for it: one table, read by all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flygate_service.cluster.paths import BUCKETS, CLUSTER, COPIES, ORDER, TAKE

HEALTH: Final = "/health"
READY: Final = "/readyz"
LOGIN: Final = "/auth/login"
METRICS: Final = "/metrics"
# What begins so is never the application's.
INTERNAL: Final = "/_flygate"
PROBE: Final = "/_flygate/probe"
STATISTICS: Final = "/_flygate/statistics"
ADMIN: Final = "/_flygate/admin"
# How the addresses begin by which a rollout asks for the probe: those of the documentation.
PROBES: Final = "2001:db8:"
# Fly Proxy sets it on every request; from any other peer it is taken out (`client_ip.py`).
THROUGH_PROXY: Final = b"fly-client-ip"
# Where it stands that a request came to the private listener.
PRIVATE: Final = "flygate.private"

# A message with copies has 131 KB; an order for 500 machines has 16.
_LARGEST_MESSAGE: Final = 1_048_576
_LARGEST_ORDER: Final = 16_384


@dataclass(frozen=True, slots=True)
class OwnPath:
    """Who may ask for a path, and what that costs.

    Attributes:
        path: as asked for, without parameters.
        is_public: the listener behind Fly Proxy answers it.
        is_private: the listener of the private network answers it.
        is_signed: only who has FLYGATE_KEY gets an answer.
        is_exempt: outside of policies and places, and answered by any machine. It is signed, or
            one of Fly's checks, which costs next to nothing and reads no body. A request without a
            right signature is limited like all others, and refused before its body is read.
        is_inside: on the public listener for callers past the proxy only: a machine of a former
            release, which does not know the private listener.
        body_bytes: the largest body that is read.
    """

    path: str
    is_public: bool = True
    is_private: bool = False
    is_signed: bool = False
    is_exempt: bool = False
    is_inside: bool = False
    body_bytes: int = 0


def _between_machines(path: str) -> OwnPath:
    return OwnPath(
        path,
        is_private=True,
        is_signed=True,
        is_exempt=True,
        is_inside=True,
        body_bytes=_LARGEST_MESSAGE,
    )


_TABLE: Final = (
    OwnPath(HEALTH, is_private=True, is_exempt=True),
    OwnPath(READY, is_private=True, is_exempt=True),
    OwnPath(METRICS, is_public=False, is_private=True, is_exempt=True),
    OwnPath(STATISTICS, is_private=True, is_signed=True, is_exempt=True),
    OwnPath(ORDER, is_signed=True, is_exempt=True, body_bytes=_LARGEST_ORDER),
    _between_machines(CLUSTER),
    _between_machines(BUCKETS),
    _between_machines(COPIES),
    OwnPath(
        TAKE, is_public=False, is_private=True, is_signed=True, is_exempt=True, body_bytes=65_536
    ),
    OwnPath(PROBE),
    OwnPath(LOGIN),
    *(OwnPath(f"{ADMIN}/{act}") for act in ("policies", "bucket", "block", "unlock", "reload")),
)

OWN: Final[Mapping[str, OwnPath]] = {own.path: own for own in _TABLE}
# What the door of the public listener lets by without a limit, if it is what it says.
EXEMPT: Final[Mapping[str, OwnPath]] = {
    own.path: own for own in _TABLE if own.is_exempt and own.is_public
}


def is_internal(path: str) -> bool:
    """Whether a path is kept from the application, known or not."""
    return path.startswith(INTERNAL) and (path + "/").startswith(f"{INTERNAL}/")
