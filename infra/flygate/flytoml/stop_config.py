"""The signal and the time with which a machine stops, by its config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flygate.system import duration

# Fly's defaults: see its documentation of kill_timeout.
KILL_SECONDS: Final = 5.0
KILL_SIGNAL: Final = "SIGINT"


def kill_seconds(config: Mapping[str, Any]) -> float:
    """Return the seconds between the kill signal and SIGKILL."""
    value = _stop(config).get("timeout")
    return KILL_SECONDS if value is None else duration.nanoseconds(value) / duration.SECOND


def kill_signal(config: Mapping[str, Any]) -> str:
    """Return the kill signal."""
    return _stop(config).get("signal") or KILL_SIGNAL


def _stop(config: Mapping[str, Any]) -> Mapping[str, Any]:
    return config.get("stop_config") or {}
