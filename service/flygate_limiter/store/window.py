"""Sliding windows in this process's memory, in the same table as buckets are."""

from collections.abc import Iterable

from flygate_limiter import window
from flygate_limiter.decision import Decision
from flygate_limiter.errors import StoreError
from flygate_limiter.quota import Quota

from .base import Charge
from .memory import MemoryStore
from .snapshot import Snapshot
from .taker import Hitter, Taker


class WindowStore(MemoryStore):
    """Counts by sliding windows: `units` per `period`, whatever the quota's burst.

    For those who come from such a limiter. It lets up to a whole window's units through at once,
    and after a pause nearly twice that within one window's length.
    """

    is_window = True

    def taker(self, name: str, quota: Quota) -> Taker:
        """A function that takes from the windows of one name and quota."""
        return lambda subject, cost=1: self.take_one((name, subject), quota, cost)

    def hitter(self, name: str, quota: Quota) -> Hitter:
        """As `taker`, where yes or no is answer enough."""
        return lambda subject, cost=1: self.take_one((name, subject), quota, cost).allowed

    def learn(self, charges: Iterable[Charge], decisions: Iterable[Decision]) -> None:
        """Not possible: what a window holds can't be told from a decision."""

    def export_now(self) -> Snapshot:
        """Not possible.

        Raises:
            StoreError: windows are bound to this machine's clock.
        """
        raise StoreError("sliding windows cannot be handed over; use the token bucket for that")

    def _take(self, state: int, now: int, cost: int, quota: Quota) -> tuple[Decision, int]:
        return window.take(state, now, cost, quota)

    def _take_along(self, state: int, now: int, cost: int, quota: Quota) -> tuple[Decision, int]:
        return window.take_along(state, now, cost, quota)

    def _give_back(self, state: int, now: int, cost: int, quota: Quota) -> int:
        return window.give_back(state, now, cost, quota)

    def _owing(self, now: int, owed_ns: int, quota: Quota) -> int:
        return window.owing(now, owed_ns, quota)

    def _grain(self, _: Quota) -> int:
        return 0  # a state says nothing of how much was taken
