"""How long there is left: a wait for Docker must end."""

import time


class Deadline:
    """Counts down from a number of seconds."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self._end

    def left(self, at_most: float = float("inf")) -> float:
        """The seconds left, if fewer than `at_most`; at least a moment, to fail in."""
        return max(0.1, min(at_most, self._end - time.monotonic()))
