"""How the scripts speak of charges: what an algorithm's Lua file takes and answers. Pure."""

from typing import Final, Protocol

from flygate_limiter import window
from flygate_limiter.algorithm import Algorithm
from flygate_limiter.bucket import TOKEN_BUCKET
from flygate_limiter.charge import Charge
from flygate_limiter.decision import NEVER, Decision, WindowDecision
from flygate_limiter.quota import NANOS, Quota
from flygate_limiter.window import SLIDING_WINDOW

# Up to here a Lua number is exact: in nanoseconds 104 days.
_EXACT: Final = 2**53
# window.lua answers one number: this times the units in use, plus seconds.
_USED: Final = 2**26

# Makes a named tuple in half the time that calling its class takes.
_new: Final = tuple.__new__

# Of charges that differ by nothing but the key: cost, size and pace in the script's units, and
# whether it binds (1), follows what binds (2), or neither (0).
Kind = tuple[int, int, int, int]


class Dialect(Protocol):
    """Charges and decisions, in an algorithm's script.

    Attributes:
        word: the algorithm in the names of states, and of its Lua file.
    """

    word: str

    def kind(self, charge: Charge) -> Kind:
        """Return what the script has to know of a charge besides its key."""
        ...

    def decision(self, charge: Charge, wait: int, used: int) -> Decision:
        """Return what the script's two numbers say of a charge."""
        ...

    def owing(self, quota: Quota, owed_ns: int) -> tuple[int, int]:
        """Return the two numbers of the script's `owing`."""
        ...


class _Buckets:
    word = "bucket"

    def kind(self, charge: Charge) -> Kind:
        quota = charge.quota
        cost = _within(charge.cost, quota.burst, _EXACT // quota.emission_ns)
        return cost, quota.burst, quota.emission_ns, _part(charge)

    def decision(self, charge: Charge, wait: int, used: int) -> Decision:
        if wait == 0:
            return _new(Decision, (True, 0, used, charge.quota))
        never = charge.cost > charge.quota.burst
        return _new(Decision, (False, NEVER if never else wait, used, charge.quota))

    def owing(self, _: Quota, owed_ns: int) -> tuple[int, int]:
        return owed_ns, 0


class _Windows:
    word = "window"

    def kind(self, charge: Charge) -> Kind:
        quota = charge.quota
        cost = _within(charge.cost, quota.units, quota.units)
        return cost, quota.units, quota.period_ns // NANOS, _part(charge)

    def decision(self, charge: Charge, wait: int, used: int) -> Decision:
        quota = window.announced(charge.quota)
        used, seconds = divmod(used, _USED)
        owed = min(used, quota.units) * quota.emission_ns
        if wait > 0 and charge.cost > quota.units:
            wait = NEVER
        return WindowDecision.of(Decision(wait == 0, wait, owed, quota), seconds * NANOS)

    def owing(self, quota: Quota, owed_ns: int) -> tuple[int, int]:
        units = -(-owed_ns // quota.emission_ns)
        if units <= quota.units:
            return units, 0
        return -1, owed_ns - quota.capacity_ns + quota.emission_ns


_DIALECTS: Final[dict[Algorithm, Dialect]] = {
    TOKEN_BUCKET: _Buckets(),
    SLIDING_WINDOW: _Windows(),
}


def dialect_of(algorithm: Algorithm) -> Dialect:
    """Return the dialect of an algorithm's script."""
    return _DIALECTS[algorithm]


def _part(charge: Charge) -> int:
    return 2 if charge.along else int(charge.binding)


def _within(cost: int, most: int, most_back: int) -> int:
    """Return a cost that decides the same, and that Lua can count with."""
    return max(min(cost, most + 1), -most_back)
