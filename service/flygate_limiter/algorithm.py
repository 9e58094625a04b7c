"""How a store counts: the token bucket or the sliding window, as a value that a store is given."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from .charge import Key
from .decision import Decision
from .quota import Quota
from .table import Table

Take = Callable[[int, int, int, Quota], tuple[Decision, int]]


class Taker(Protocol):
    """Takes from the bucket of a subject."""

    def __call__(self, subject: str, cost: int = 1) -> Decision:
        """Take `cost` units, or none."""
        ...


class Hitter(Protocol):
    """Takes from the bucket of a subject, and says only whether."""

    def __call__(self, subject: str, cost: int = 1) -> bool:
        """Take `cost` units, or none."""
        ...


@dataclass(frozen=True, slots=True)
class Site:
    """What a store in memory lends to its takers.

    Attributes:
        table: the slots of the store.
        fingerprint_of: the hash of a key.
        now: the present time.
        take_new: decides on a fingerprint that has no slot.
        take_one: decides on a key, wherever its state is.
    """

    table: Table
    fingerprint_of: Callable[[Key], int]
    now: Callable[[], int]
    take_new: Callable[[int, int, Quota], Decision]
    take_one: Callable[[Key, Quota, int], Decision]


@dataclass(frozen=True, slots=True, eq=False)
class Algorithm:
    """Pure functions of (state, now, cost, quota), and the fast path of a store in memory.

    A state is one integer: a time of the store's clock, and what the algorithm packs into it.
    Once `now` has reached it, it equals the state of a key that is not known.

    Attributes:
        name: the value of `RATE_LIMIT_ALGORITHM`.
        take: `(state, now, cost, quota)` to the decision and the new state.
        take_along: takes what is there, as another bucket has decided.
        give_back: `(state, now, cost, quota)` to the new state.
        owing: `(now, owed_ns, quota)` to the state that owes so much.
        grain: how much a key may owe, as a power of two in nanoseconds, to be evicted from a full
            store; 0 if none may be.
        lasting_ns: how long a key may lack units of a quota.
        check: refuses a quota, and a cost, that it cannot count.
        is_portable: whether a state is time owed, which means the same by another machine's clock.
        make_taker: the fast path of one name and quota.
        make_hitter: the same, where yes or no is enough.
    """

    name: str
    take: Take
    take_along: Take
    give_back: Callable[[int, int, int, Quota], int]
    owing: Callable[[int, int, Quota], int]
    grain: Callable[[Quota], int]
    lasting_ns: Callable[[Quota], int]
    check: Callable[[Quota, int], None]
    is_portable: bool
    make_taker: Callable[[str, Quota, Site], Taker]
    make_hitter: Callable[[str, Quota, Site], Hitter]
