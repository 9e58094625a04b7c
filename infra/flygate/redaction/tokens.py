"""The tokens in an environment: nothing that we print may have them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_VARIABLES: Final = (
    "FLY_API_TOKEN",
    "FLY_ACCESS_TOKEN",
    "FLYGATE_WEBHOOK",
    "PULUMI_ACCESS_TOKEN",
    "PULUMI_CONFIG_PASSPHRASE",
)
# Short ones are words.
_TOKEN_MIN: Final = 8


def of(environment: Mapping[str, str]) -> list[str]:
    """Those that a library or a hook may have printed."""
    found = (environment.get(name, "") for name in _VARIABLES)
    return [token for token in found if len(token) >= _TOKEN_MIN]
