"""When to ask a store that failed again."""

from typing import Final

from flygate_limiter.clock import Clock
from flygate_limiter.quota import NANOS

_FAILURES_TO_OPEN: Final = 3
_SHORTEST_PAUSE_NS: Final = NANOS // 2
_LONGEST_PAUSE_NS: Final = 15 * NANOS


class Breaker:
    """Stops asking a store that failed; lets one probe through after a pause that doubles."""

    def __init__(self, clock: Clock) -> None:
        """Start closed: the store is asked."""
        self._now = clock.now
        self._failures = 0
        self._pause_ns = _SHORTEST_PAUSE_NS
        self._next_probe = 0
        self._is_probing = False
        self.is_open = False

    def may_ask(self) -> bool:
        """Whether to ask the store now. While open, each yes is a single probe."""
        if not self.is_open:
            return True
        now = self._now()
        if now < self._next_probe:
            return False
        self._next_probe = now + self._pause_ns
        self._is_probing = True
        return True

    def succeeded(self) -> None:
        """Note that the store answered."""
        if self.is_open and not self._is_probing:
            return  # an answer that was under way when it opened
        self._failures = 0
        self._pause_ns = _SHORTEST_PAUSE_NS
        self._is_probing = False
        self.is_open = False

    def failed(self) -> None:
        """Note that the store did not answer."""
        if self.is_open:
            if not self._is_probing:
                return  # one of a crowd that was under way when it opened
            self._is_probing = False
            self._pause_ns = min(2 * self._pause_ns, _LONGEST_PAUSE_NS)
            self._next_probe = self._now() + self._pause_ns
            return
        self._failures += 1
        if self._failures >= _FAILURES_TO_OPEN:
            self.open()

    def open(self) -> None:
        """Stop asking the store, if that is not so already."""
        if not self.is_open:
            self.is_open = True
            self._next_probe = self._now() + self._pause_ns
