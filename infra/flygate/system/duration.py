"""Lengths of time as `fly.toml` writes them: "500ms", "10s", "2m", "1h"."""

from __future__ import annotations

import re

from flygate.system.errors import ConfigError

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_PATTERN = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")


def seconds(text: str) -> float:
    """Parse a duration.

    Raises:
        ConfigError: it is no number with a unit.
    """
    match = _PATTERN.fullmatch(text.strip())
    if match is None:
        raise ConfigError(
            f'{text!r} is no duration; write a number and a unit, as in "30s" or "2m"'
        )
    return float(match[1]) * _UNITS[match[2]]
