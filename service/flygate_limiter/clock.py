"""The clock, in integer nanoseconds. Nothing else in the limiter reads the system's."""

import time
from collections.abc import Callable
from typing import Final, Protocol

_LOOK_EVERY_NS: Final = 1_000_000_000
# A smaller step is a correction of the wall clock, and no suspension.
_SUSPENDED_NS: Final = 1_000_000_000


class Clock(Protocol):
    """Gives the nanoseconds since a fixed time; never runs backwards."""

    def now(self) -> int:
        """Return the present time."""
        ...


class MonotonicClock:
    """The system's monotonic clock."""

    now = staticmethod(time.monotonic_ns)


class SuspendableClock:
    """A monotonic clock for a machine that is suspended and resumed as a whole.

    The monotonic clock of such a machine stands still meanwhile, so that its buckets would not
    be refilled. The wall clock is corrected some seconds after the resume: by how much it is then
    further ahead of the monotonic one than ever before, is time that passed unnoticed, and is
    added. It is read once a second. A wall clock that is put back, or back and forth, changes
    nothing.

    Args:
        monotonic: gives the nanoseconds that this machine ran.
        wall: gives the nanoseconds of the world's time.
    """

    def __init__(
        self,
        monotonic: Callable[[], int] = time.monotonic_ns,
        wall: Callable[[], int] = time.time_ns,
    ) -> None:
        """Assume that no time is missing now."""
        self._monotonic = monotonic
        self._wall = wall
        self._missed = 0
        self._ahead = wall() - monotonic()
        self._next_look = 0

    def now(self) -> int:
        """Return the present time."""
        ran = self._monotonic()
        if ran >= self._next_look:
            self._look(ran)
        return ran + self._missed

    def _look(self, ran: int) -> None:
        self._next_look = ran + _LOOK_EVERY_NS
        ahead = self._wall() - ran
        if ahead - self._ahead >= _SUSPENDED_NS:
            self._missed += ahead - self._ahead
            self._ahead = ahead


def steady(clock: Clock) -> Callable[[], int]:
    """Return `clock.now`, but never back: by how much a clock is put back is ignored.

    So a client that has to wait waits no longer for it.
    """
    if isinstance(clock, MonotonicClock | SuspendableClock):
        return clock.now  # they are so already
    last, added = clock.now(), 0

    def now() -> int:
        nonlocal last, added
        found = clock.now() + added
        if found < last:
            added += last - found
            return last
        last = found
        return found

    return now


class FakeClock:
    """A clock that moves only by `advance`, for tests."""

    def __init__(self, now: int = 1_000_000_000_000) -> None:
        """Start at `now`."""
        self._now = now

    def now(self) -> int:
        """Return the time to which the clock was last set."""
        return self._now

    def advance(self, nanoseconds: int = 0, *, seconds: float = 0) -> None:
        """Move forward."""
        self._now += nanoseconds + round(seconds * 1_000_000_000)
