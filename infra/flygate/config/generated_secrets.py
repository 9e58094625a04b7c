"""The secrets that nobody chooses: `flygate init` makes them, once for each stack."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from flygate_wire.variables import Variable

# What each is for.
GENERATED: Mapping[str, str] = {
    Variable.ADMIN_TOKEN.value: ("lets `flygate limiter` look into the limiter"),
    Variable.LOGIN_SECRET.value: (
        "signs the cookies of known devices, so that they outlast a release"
    ),
    Variable.RATE_LIMIT_KEY_SECRET.value: (
        "hashes clients (HMAC) before they leave a machine, for Redis"
    ),
}
_BYTES = 32


def new() -> str:
    """A secret with 256 bits of chance, of letters that a header can carry."""
    return secrets.token_urlsafe(_BYTES)
