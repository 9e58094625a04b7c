"""Convert values that flyctl accepts in several forms: texts, whole numbers, durations."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any, Final

from flygate.system.duration import bounded, nanoseconds, spell

_WHOLE: Final = re.compile(r"[+-]?[0-9]+")
_DIGITS_MAX: Final = 18
# Between these powers of ten Go prints a float without an exponent.
_SMALLEST, _LARGEST = -4, 6


def text(value: Any) -> str:
    """Return a plain value as Go prints it: `true`, `8080`, `1.5`, `1e+06`.

    Raises:
        ValueError: a table, a list, a date.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return _float(value)
    raise ValueError("must be a text: write it in quotes")


def whole(value: Any) -> int:
    """Return a whole number, which may be written as a text.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and _WHOLE.fullmatch(value) and len(value) <= _DIGITS_MAX:
        return int(value)
    raise ValueError("must be a whole number")


def duration(value: Any, unit: int) -> str | None:
    """Return a duration in Go's spelling; None for an empty text.

    Args:
        unit: of a plain number, in nanoseconds.

    Raises:
        ValueError: it is no duration.
    """
    if value == "":
        return None
    if isinstance(value, str):
        return spell(nanoseconds(value))
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError('must be a duration, as in "15s" or "2m"')
    return spell(bounded(int(value) * unit))


def words(value: Any) -> list[str]:
    """Return a list of words; a text is one word.

    Raises:
        ValueError: something else.
    """
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return value
    raise ValueError('must be a list of texts, as in ["serve", "--port", "8080"]')


def _float(value: float) -> str:
    """Go's %v: the shortest digits, with an exponent below 1e-04 and from 1e+06 on."""
    shortest = Decimal(repr(value)).normalize()
    exponent = shortest.adjusted()
    if not value or _SMALLEST <= exponent < _LARGEST:
        return f"{shortest:f}"
    mantissa = shortest.scaleb(-exponent).normalize()
    return f"{mantissa:f}e{exponent:+03d}"
