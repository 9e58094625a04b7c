"""A size as flyctl reads one: "512", "512mb", "2 GB", "0.5g"."""

from __future__ import annotations

import math
import re
from typing import Final

# A unit may be written with "ib", too: what it stands for is the reader's to say.
_SIZE: Final = re.compile(r"(\d+\.?\d*|\.\d+) ?(?:([kmgtp])(?:i?b)?|b)?", re.IGNORECASE | re.ASCII)
_UNITS: Final = "kmgtp"
_CHARACTERS_MAX: Final = 20


def whole(text: str, *, base: int, unit: str) -> int | None:
    """Read a size in whole units, rounded down; None if it is none.

    Args:
        base: how many of a unit make the next larger one: 1000 or 1024.
        unit: what a number alone is counted in, and what is returned: "m" or "g".
    """
    match = _SIZE.fullmatch(text) if len(text) <= _CHARACTERS_MAX else None
    if match is None:
        return None
    if text.isdigit():
        return int(text)
    given = _bytes(match[2].lower(), base) if match[2] else 1
    return math.floor(float(match[1]) * given) // _bytes(unit, base)


def _bytes(unit: str, base: int) -> int:
    return int(base ** (_UNITS.index(unit) + 1))
