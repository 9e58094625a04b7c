"""What time it is, as integer nanoseconds. Nothing else in the limiter asks the system."""

import time
from typing import Protocol


class Clock(Protocol):
    """Gives the nanoseconds since some fixed point; never runs backwards."""

    def now(self) -> int:
        """The present instant."""
        ...


class MonotonicClock:
    """The system's monotonic clock."""

    now = staticmethod(time.monotonic_ns)


class FakeClock:
    """A clock that moves only when told to; for tests, ours and yours."""

    def __init__(self, now: int = 1_000_000_000_000) -> None:
        """Start at `now`."""
        self._now = now

    def now(self) -> int:
        """The instant at which the clock was last set."""
        return self._now

    def advance(self, nanoseconds: int = 0, *, seconds: float = 0) -> None:
        """Move forward."""
        self._now += nanoseconds + round(seconds * 1_000_000_000)
