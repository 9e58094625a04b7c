"""Durations in two formats: one number with its unit, as Flygate's settings have it, and Go's.

flyctl reads the durations of `fly.toml` in Go's format, and sends them in it.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from flygate.system.errors import ConfigError

NANOSECOND: Final = 1
MILLISECOND: Final = 1_000_000
SECOND: Final = 1_000_000_000

_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_ONE: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")

_NANOSECONDS: Final = {
    "ns": NANOSECOND,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": MILLISECOND,
    "s": SECOND,
    "m": 60 * SECOND,
    "h": 3600 * SECOND,
}
_GO_PART: Final = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_GO_LARGEST: Final = 2**63 - 1
# Longer than any sum of parts that fits; the rest is not worth the time to read it.
_GO_CHARACTERS_MAX: Final = 200


def seconds(text: str) -> float:
    """Parse a setting: "500ms", "10s", "2m", "1h".

    Raises:
        ConfigError: it is not a number with a unit.
    """
    match = _ONE.fullmatch(text.strip())
    if match is None:
        raise ConfigError(
            f'{text!r} is no duration; write a number and a unit, as in "30s" or "2m"'
        )
    return float(match[1]) * _SECONDS[match[2]]


def nanoseconds(text: str) -> int:
    """Parse a duration of Go's: "1m30s", "1.5h", "0".

    Raises:
        ValueError: it is none, is negative, or is longer than Go can hold (292 years).
    """
    if text in {"0", "+0"}:
        return 0
    parts = _GO_PART.findall(text) if len(text) <= _GO_CHARACTERS_MAX else []
    if not parts or "".join(number + unit for number, unit in parts) != text.removeprefix("+"):
        raise ValueError('is no duration; write a number and a unit, as in "15s" or "2m"')
    return bounded(int(sum(Decimal(number) * _NANOSECONDS[unit] for number, unit in parts)))


def setting(text: str) -> str:
    """Write a duration of Go's as a setting, in seconds: "1m30s" is "90s".

    Raises:
        ValueError: see `nanoseconds`.
    """
    whole, rest = divmod(nanoseconds(text), SECOND)
    return f"{whole}s" if not rest else f"{whole}.{rest:09}s"


def bounded(value: int) -> int:
    """Return the same nanoseconds, if Go can hold them.

    Raises:
        ValueError: it can't.
    """
    if not 0 <= value <= _GO_LARGEST:
        raise ValueError("is no length of time that there is: it is negative, or over 292 years")
    return value


def spell(value: int) -> str:
    """Write nanoseconds in Go's spelling: "1m30s", "5m0s", "1.5ms".

    Hours, minutes and seconds from one second on; below, one number with its unit.
    """
    if value == 0:
        return "0s"
    if value < SECOND:
        unit = next(u for u in ("ms", "µs", "ns") if value >= _NANOSECONDS[u])
        return f"{_number(value, _NANOSECONDS[unit])}{unit}"
    minutes, rest = divmod(value, _NANOSECONDS["m"])
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}h" if hours else ""
    text += f"{minutes}m" if hours or minutes else ""
    return f"{text}{_number(rest, SECOND)}s"


def _number(value: int, unit: int) -> str:
    return f"{(Decimal(value) / unit).normalize():f}"
