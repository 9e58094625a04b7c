"""The secrets that nobody chooses: `flygate init` makes them, once for each stack."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

# What each is for; the service reads them by these names (service/flygate_service/settings.py).
GENERATED: Mapping[str, str] = {
    "ADMIN_TOKEN": "lets `flygate limiter` look into the limiter",
    "LOGIN_SECRET": "signs the cookies of known devices, so that they outlast a release",
    "RATE_LIMIT_KEY_SECRET": "hashes clients (HMAC) before they leave a machine, for Redis",
}
_BYTES = 32


def new() -> str:
    """A secret with 256 bits of chance, of letters that a header can carry."""
    return secrets.token_urlsafe(_BYTES)
