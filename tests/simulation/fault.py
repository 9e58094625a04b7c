"""What goes wrong at one call of a process: data, so that a failing run can be made shorter."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "500",  # Fly says so, and has done nothing
    "500-after",  # Fly says so, and has done it
    "503",
    "429",  # with Retry-After where it has seconds
    "reset",  # the connection ends before the request is read
    "lost",  # … or after it was done
    "slow",  # the answer takes this many seconds
    "crash",  # the process ends before it asks
    "crash-after",  # … or before it reads the answer
    "sleep",  # the process stands still for this many seconds (a laptop is closed)
    "clock",  # its wall clock jumps by this many seconds
    "leases",  # Fly forgets all leases
    "kill",  # a machine dies
    "down",  # all of Fly's API is away for this many seconds
    "look",  # a colleague looks at a preview
    "interrupt",  # the operator presses Ctrl-C, before the answer is read
]
# The next call of the same kind may go well. Whatever else goes wrong lasts.
PASSING: frozenset[Kind] = frozenset({"500", "500-after", "503", "429", "reset", "lost", "slow"})
# How often, of a hundred faults.
_SHARES: dict[Kind, int] = {
    "500": 14,
    "500-after": 8,
    "503": 12,
    "429": 12,
    "reset": 12,
    "lost": 14,
    "slow": 10,
    "sleep": 2,
    "clock": 3,
    "leases": 3,
    "kill": 3,
    "down": 3,
    "look": 4,
    "interrupt": 4,
}
_SECONDS: dict[Kind, tuple[float, ...]] = {
    "429": (0.0, 2.0),
    "slow": (2.0, 8.0, 20.0, 90.0),
    "sleep": (10.0, 60.0),
    "clock": (-3600.0, -20.0, 30.0, 86400.0),
    "down": (1.0, 5.0, 30.0),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault; its number says which machine dies, or for how many seconds something lasts."""

    kind: Kind
    number: float = 0.0

    def __str__(self) -> str:
        return f"{self.kind}:{self.number:g}" if self.number else self.kind


Faults = dict[int, Fault]


def drawn(chance: random.Random, rate: float, calls: int, *, crashes: bool) -> Faults:
    """Faults for a process, by the number of the call.

    Args:
        rate: the share of the calls that go wrong.
        calls: how many calls are planned for; later ones go well.
        crashes: the process dies at one of them.
    """
    found: Faults = {}
    kinds, weights = list(_SHARES), list(_SHARES.values())
    for number in range(1, calls + 1):
        if chance.random() < rate:
            found[number] = _of(chance.choices(kinds, weights)[0], chance)
    if crashes:
        # Half of them early: short changes have few calls.
        last = chance.choice((40, calls))
        found[chance.randint(1, last)] = Fault(chance.choice(("crash", "crash-after")))
    return found


def _of(kind: Kind, chance: random.Random) -> Fault:
    if kind == "kill":
        return Fault(kind, float(chance.randint(0, 7)))
    return Fault(kind, chance.choice(_SECONDS.get(kind, (0.0,))))
