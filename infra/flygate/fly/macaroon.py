"""`Grant`: what a Fly token permits, read from the token itself.

Fly's tokens are macaroons (`fm2_…`): MessagePack of nonce, location, caveats and signature; each
caveat takes something away. Source: github.com/superfly/macaroon. Any program can read
them; only Fly can verify the signature.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgpack

# The location of tokens that permit something; the others prove an identity.
_PERMISSION = "https://api.fly.io/v1"
_PREFIXES = ("fm2_", "fm1r_", "fm1a_")
# Kinds of caveats, and a right within one.
_ORGANIZATION, _APPS, _VALIDITY, _IF_PRESENT, _ACTION = 0, 3, 4, 13, 26
_WRITE = 2


@dataclass(frozen=True, slots=True)
class Grant:
    """What is left when all caveats are applied.

    Attributes:
        expires_at: unix seconds; None if it does not expire.
        organization: Fly's number of the organisation; None for all of the user's.
        apps: Fly's numbers of the only apps that it is good for; None for all.
        may_write: it can do more than read.
    """

    expires_at: int | None = None
    organization: int | None = None
    apps: frozenset[int] | None = None
    may_write: bool = True


def read(token: str) -> Grant | None:
    """What a token, or several with commas between, permits; None if it is no macaroon.

    Of several the one that lasts longest counts: any one of them suffices.
    """
    text = token.strip().removeprefix("FlyV1 ").removeprefix("Bearer ")
    grants = [grant for part in text.split(",") if (grant := _read(part.strip())) is not None]
    return max(grants, key=_lifetime, default=None)


def _read(token: str) -> Grant | None:
    prefix = next((p for p in _PREFIXES if token.startswith(p)), None)
    if prefix is None:
        return None
    try:
        content = base64.b64decode(token.removeprefix(prefix) + "==")
        _, location, caveats, *_ = msgpack.unpackb(content, strict_map_key=False)
    except (ValueError, TypeError, msgpack.exceptions.UnpackException):
        return None
    return _grant(caveats) if location == _PERMISSION and isinstance(caveats, list) else None


def _grant(caveats: Sequence[Any]) -> Grant | None:
    expiries: list[int] = []
    organization, apps, may_write = None, None, True
    try:
        for kind, body in zip(caveats[::2], caveats[1::2], strict=True):
            if kind == _VALIDITY:
                expiries.append(int(body[1]))
            elif kind == _ORGANIZATION:
                organization = int(body[0])
                may_write = may_write and bool(body[1] & _WRITE)
            elif kind in {_APPS, _IF_PRESENT}:
                apps = _both(apps, _apps(kind, body))
            elif kind == _ACTION:
                may_write = may_write and bool(body & _WRITE)
    except (TypeError, IndexError, ValueError, AttributeError):
        return None
    return Grant(min(expiries, default=None), organization, apps, may_write)


def _apps(kind: int, body: Any) -> frozenset[int] | None:
    """The apps of a caveat. One that holds only for requests about an app names them inside."""
    if kind == _APPS:
        return frozenset(int(number) for number in body[0])
    inner = dict(zip(body[0][::2], body[0][1::2], strict=True))
    return _apps(_APPS, inner[_APPS]) if _APPS in inner else None


def _both(one: frozenset[int] | None, other: frozenset[int] | None) -> frozenset[int] | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other


def _lifetime(grant: Grant) -> float:
    return float("inf") if grant.expires_at is None else grant.expires_at
