"""What is allowed: a number of units per period, and at most a burst of them at once."""

import re
from dataclasses import dataclass, field
from typing import Final, Self

from .errors import QuotaError, shown

NANOS: Final = 1_000_000_000

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_WORDS: Final = {"sec": "s", "second": "s", "min": "m", "minute": "m", "hour": "h", "day": "d"}
_FORM: Final = re.compile(
    r"\s*(?P<units>[0-9]{1,18})\s*/\s*(?P<count>[0-9]{1,18})?\s*(?P<unit>[a-z]+?)s?\s*"
    r"(?:burst\s+(?P<burst>[0-9]{1,18})\s*)?",
    re.IGNORECASE | re.ASCII,
)
_LONGEST: Final = 366 * _UNITS["d"] * NANOS


@dataclass(frozen=True, slots=True)
class Quota:
    """A bucket of `burst` units, refilled at `units` per `period_ns`.

    Args:
        units: units per period, 1 or more.
        period_ns: length of the period in nanoseconds.
        burst: size of the bucket; 0 means as many as `units`.
    """

    units: int
    period_ns: int
    burst: int = 0
    emission_ns: int = field(init=False, compare=False, repr=False)
    capacity_ns: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Check the numbers, and compute what every decision needs."""
        if self.units < 1 or self.period_ns < 1 or self.burst < 0:
            raise QuotaError(
                "a quota needs at least 1 unit, a period and a burst of 0 or more;"
                f" found {shown(self)}"
            )
        burst = self.burst or self.units
        # Rounded up: a division with a remainder must never let more through than was asked for.
        emission = -(-self.period_ns // self.units)
        if emission * burst > _LONGEST:
            raise QuotaError(f"a bucket must be full again within a year; found {shown(self)}")
        object.__setattr__(self, "burst", burst)
        object.__setattr__(self, "emission_ns", emission)
        object.__setattr__(self, "capacity_ns", emission * burst)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `100/m`, `10/s burst 20`, `5/15min`, `1000/day`.

        Raises:
            QuotaError: the text has another form.
        """
        found = _FORM.fullmatch(text)
        unit = _unit(found["unit"]) if found else None
        if found is None or unit is None:
            raise QuotaError(
                "a quota is written like '100/m', '10/s burst 20' or '5/15min';"
                f" found {shown(text)}"
            )
        seconds = int(found["count"] or 1) * _UNITS[unit]
        burst = found["burst"]
        if burst is not None and int(burst) == 0:
            raise QuotaError(f"a burst of 0 would let nothing through; found {shown(text)}")
        return cls(int(found["units"]), seconds * NANOS, int(burst or 0))

    def __str__(self) -> str:
        """Write the quota as `parse` reads it."""
        seconds = self.period_ns / NANOS
        for unit, length in reversed(_UNITS.items()):
            if seconds % length == 0:
                count = int(seconds // length)
                period = unit if count == 1 else f"{count}{unit}"
                return f"{self.units}/{period} burst {self.burst}"
        return f"{self.units}/{seconds:g}s burst {self.burst}"


def parse(text: str) -> Quota:
    """Read a quota; see `Quota.parse`."""
    return Quota.parse(text)


def _unit(word: str) -> str | None:
    word = word.lower()
    return word if word in _UNITS else _WORDS.get(word)
