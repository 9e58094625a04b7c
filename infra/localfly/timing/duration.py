"""Durations as Go and Fly's configs write them."""

import re
from typing import Final

from localfly.errors import InvalidArgumentError

_UNIT_SECONDS: Final = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
# Go's: what a duration can hold, some 292 years.
_MOST_NS: Final = 2**63 - 1
_LONGEST: Final = 100  # characters
_SHOWN: Final = 100
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")


def parse_duration(value: object, key: str) -> float:
    """Return the seconds of a Go duration (`"1m30s"`) or of an integer number of nanoseconds.

    Raises:
        InvalidArgumentError: `value` is neither; the message names `key`.
    """
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_NS:
        return value * 1e-9
    if isinstance(value, str) and len(value) <= _LONGEST:
        parts = _PART.findall(value)
        if parts and "".join(number + unit for number, unit in parts) == value:
            found = sum(float(number) * _UNIT_SECONDS[unit] for number, unit in parts)
            if found <= _MOST_NS * 1e-9:
                return found
        if value == "0":
            return 0.0
    found_text = value[:_SHOWN] if isinstance(value, str) else value
    raise InvalidArgumentError(
        f"invalid_argument: {key} must be a duration such as '15s', found {found_text!r}"
    )
