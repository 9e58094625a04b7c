"""The names of the service's settings: what is nearly one of them is a slip of the pen."""

from __future__ import annotations

import difflib
from typing import Final

# tests/infra/config/test_settings_names.py holds them against the service's own.
NAMES: Final = (
    "ADMIN_TOKEN",
    "DRAIN_MILLISECONDS",
    "LOGIN_LOCKOUT_MINUTES",
    "LOGIN_MAX_ATTEMPTS",
    "LOGIN_SECRET",
    "LOGIN_USERS",
    "LOGIN_WINDOW_MINUTES",
    "METRICS_PORT",
    "RATE_LIMIT_AFFINITY",
    "RATE_LIMIT_ALGORITHM",
    "RATE_LIMIT_BUDGET_MILLISECONDS",
    "RATE_LIMIT_BURST",
    "RATE_LIMIT_FAILURE",
    "RATE_LIMIT_KEY_SECRET",
    "RATE_LIMIT_MACHINES",
    "RATE_LIMIT_MAX_KEYS",
    "RATE_LIMIT_MODE",
    "RATE_LIMIT_POLICIES",
    "RATE_LIMIT_PREFLIGHTS",
    "RATE_LIMIT_RPM",
    "RATE_LIMIT_STORAGE",
    "SERVICE_ALLOW_REPLAY",
    "SERVICE_APP",
    "SERVICE_BODY_BYTES_PER_SECOND",
    "SERVICE_BODY_SECONDS",
    "SERVICE_MAX_BODY_BYTES",
    "SERVICE_MAX_MESSAGE_BYTES",
    "SERVICE_MAX_REQUESTS",
    "SERVICE_MAX_REQUESTS_PER_CLIENT",
    "SERVICE_PROXY_PEERS",
    "SHUTDOWN_SECONDS",
    "TRUSTED_PROXIES",
)
# An application may have variables of its own with these beginnings, but for the first.
_OURS: Final = "RATE_LIMIT_"
# One letter more, less or other; two where the name is long.
_ALIKE: Final = 0.92


def meant(name: str) -> str:
    """The setting that was meant by a name which is none; empty if it may well be another's."""
    if name in NAMES:
        return ""
    cutoff = 0.0 if name.startswith(_OURS) else _ALIKE
    return next(iter(difflib.get_close_matches(name, NAMES, n=1, cutoff=cutoff)), "")
