"""The paths that the service answers itself, and who may ask for each: one table for all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

HEALTH: Final = "/health"
READY: Final = "/readyz"
LOGIN: Final = "/auth/login"
METRICS: Final = "/metrics"
# The application never gets a path that begins with this.
INTERNAL: Final = "/_flygate"
PROBE: Final = "/_flygate/probe"
STATISTICS: Final = "/_flygate/statistics"
ADMIN: Final = "/_flygate/admin"
CLUSTER: Final = "/_flygate/cluster"
BUCKETS: Final = "/_flygate/cluster/buckets"
COPIES: Final = "/_flygate/cluster/copies"
# A machine charges a client to the buckets of its owner.
TAKE: Final = "/_flygate/cluster/take"
# The rollout engine orders how two releases share the clients.
SHARE_ORDER: Final = "/_flygate/cluster/order"

# A message with copies has 131 KB; an order for 500 machines has 16.
_MESSAGE_BYTES_MAX: Final = 1_048_576
_ORDER_BYTES_MAX: Final = 16_384
_CHARGES_BYTES_MAX: Final = 65_536


@dataclass(frozen=True, slots=True)
class OwnPath:
    """Who may ask for a path, and what a request for it may cost.

    Attributes:
        path: without parameters.
        is_public: the listener behind Fly Proxy answers it.
        is_private: the listener of the private network answers it.
        is_signed: the answer needs a signature with FLYGATE_KEY.
        is_exempt: outside of policies and places, and answered by any machine. It is signed, or
            one of Fly's checks, which costs next to nothing and reads no body. A request without a
            right signature is limited like all others, and refused before its body is read.
        is_inside: the public listener answers only callers past the proxy: a machine of a former
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
        body_bytes=_MESSAGE_BYTES_MAX,
    )


_TABLE: Final = (
    OwnPath(HEALTH, is_private=True, is_exempt=True),
    OwnPath(READY, is_private=True, is_exempt=True),
    OwnPath(METRICS, is_public=False, is_private=True, is_exempt=True),
    OwnPath(STATISTICS, is_private=True, is_signed=True, is_exempt=True),
    OwnPath(SHARE_ORDER, is_signed=True, is_exempt=True, body_bytes=_ORDER_BYTES_MAX),
    _between_machines(CLUSTER),
    _between_machines(BUCKETS),
    _between_machines(COPIES),
    OwnPath(
        TAKE,
        is_public=False,
        is_private=True,
        is_signed=True,
        is_exempt=True,
        body_bytes=_CHARGES_BYTES_MAX,
    ),
    OwnPath(PROBE),
    OwnPath(LOGIN),
    *(OwnPath(f"{ADMIN}/{act}") for act in ("policies", "bucket", "block", "unlock", "reload")),
)

OWN_PATHS: Final[Mapping[str, OwnPath]] = {own.path: own for own in _TABLE}
# What the public listener answers without a limit, if it is signed where it must be.
EXEMPT_PATHS: Final[Mapping[str, OwnPath]] = {
    own.path: own for own in _TABLE if own.is_exempt and own.is_public
}


def is_internal(path: str) -> bool:
    """Whether the application never gets a path, known or not."""
    return path.startswith(INTERNAL) and (path + "/").startswith(f"{INTERNAL}/")
