"""`Pace`: Fly's rate limits, observed by the client, so that no request is answered 429.

Source: fly.io/docs/machines/api/working-with-machines-api, "Rate limits": one request a second for
each action and machine (for creations: app), burst 3; Get Machine 5 a second, burst 10.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """How many requests a second, and how many at once."""

    per_second: float
    burst: int


PER_ACTION = Rate(1.0, 3)
GET_MACHINE = Rate(5.0, 10)


class Pace:
    """Lets requests through as fast as Fly takes them.

    Args:
        is_limited: False lets all through: for tests, whose Fly has no limits.
        clock: seconds, monotonic.
    """

    def __init__(
        self, *, is_limited: bool = True, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._is_limited = is_limited
        self._clock = clock
        self._free_at: dict[tuple[str, str], float] = {}

    async def wait(self, method: str, path: str) -> None:
        """Wait until a request may be sent."""
        if self._is_limited and (seconds := self.reserve(method, path)) > 0:
            await asyncio.sleep(seconds)

    def reserve(self, method: str, path: str) -> float:
        """Reserve a time slot, and return how many seconds off it is."""
        action, owner = action_of(method, path)
        rate = GET_MACHINE if action == "GET machine" else PER_ACTION
        now, each = self._clock(), 1 / rate.per_second
        # As the limiter of the service: the time at which the bucket is full again.
        full_at = max(self._free_at.get((action, owner), now), now)
        self._free_at[action, owner] = full_at + each
        return max(0.0, full_at - now - (rate.burst - 1) * each)


def action_of(method: str, path: str) -> tuple[str, str]:
    """Return what a path below `/v1` does, and to what: `("POST cordon", "<machine id>")`."""
    parts = path.strip("/").split("/")
    if len(parts) >= 4 and parts[2] == "machines":
        verb = parts[4] if len(parts) > 4 else "machine"
        return f"{method} {verb}", parts[3]
    return f"{method} {parts[-1] if len(parts) != 2 else 'app'}", parts[1] if parts[1:] else ""
