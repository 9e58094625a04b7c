"""Durations as Go writes them: flyctl reads those of `fly.toml` and sends them in this form."""

from __future__ import annotations

import re
from decimal import Decimal

from infra.errors import ConfigError

_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_SECOND = _NANOSECONDS["s"]


def normal(value: int | str, key: str, *, unit: str = "ns") -> str:
    """The duration in Go's own spelling: "90s" is "1m30s", "300s" is "5m0s".

    Args:
        value: a text with units, or a whole number of `unit`s.
        key: where it stands in the file, for the complaint.

    Raises:
        ConfigError: it is neither.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return _spell(value * _NANOSECONDS[unit])
    parts = _PART.findall(value) if isinstance(value, str) else []
    if not parts or "".join(number + name for number, name in parts) != value:
        raise ConfigError(f'fly.toml: {key} must be a duration, as in "15s", found {value!r}')
    return _spell(int(sum(Decimal(number) * _NANOSECONDS[name] for number, name in parts)))


def _spell(nanoseconds: int) -> str:
    """Hours, minutes and seconds from one second on; below, one number with its unit."""
    if nanoseconds == 0:
        return "0s"
    if nanoseconds < _SECOND:
        unit = next(u for u in ("ms", "µs", "ns") if nanoseconds >= _NANOSECONDS[u])
        return f"{_number(nanoseconds, _NANOSECONDS[unit])}{unit}"
    minutes, rest = divmod(nanoseconds, _NANOSECONDS["m"])
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}h" if hours else ""
    text += f"{minutes}m" if hours or minutes else ""
    return f"{text}{_number(rest, _SECOND)}s"


def _number(nanoseconds: int, unit: int) -> str:
    return f"{(Decimal(nanoseconds) / unit).normalize():f}"
