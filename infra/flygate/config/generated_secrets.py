"""The secrets that `flygate init` generates, once for each stack."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Final

from flygate_wire.variables import Variable

# What each is for.
GENERATED: Final[Mapping[str, str]] = {
    Variable.ADMIN_TOKEN.value: ("lets `flygate limiter` look into the limiter"),
    Variable.LOGIN_SECRET.value: (
        "signs the cookies of known devices, so that they outlast a release"
    ),
    Variable.RATE_LIMIT_KEY_SECRET.value: (
        "hashes clients (HMAC) before they leave a machine, for Redis"
    ),
}
_BYTES: Final = 32


def new() -> str:
    """Return a secret of 256 random bits, in characters that a header can carry."""
    return secrets.token_urlsafe(_BYTES)
