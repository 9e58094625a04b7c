"""How much of Fly's failing is borne: by one call, by a rollout, and while its API is down."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable

import stamina

from flygate.fly.errors import (
    FlyError,
    LocalFlyDownError,
    RateLimitedError,
    ServerError,
    UnreachableError,
)

# One call: some 25 seconds of waiting, and less than one in a million at one failure in five.
ATTEMPTS = 12
# All calls of a rollout, or of its way back. One failure in five repeats about 75 calls of a
# rollout onto ten machines; an API that is worse than that had better be left alone.
REPETITIONS = 400
# After so long without a single answer a call is tried once only.
OUTAGE_SECONDS = 60.0
# Fly limits each action to one request per second and machine or app (burst 3): a shorter wait
# than a second after a 429 only burns the next token.
RATE_LIMIT_WAIT_SECONDS = 1.0
# If Fly asks for a longer pause, the operator is told instead.
RETRY_AFTER_MAX = 60.0
NOT_IMPLEMENTED = 501

When = Callable[[Exception], bool | float]


class Patience:
    """What one client has borne so far.

    Args:
        attempts: at each call.
        clock: seconds, monotonic.
    """

    def __init__(
        self, attempts: int = ATTEMPTS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.attempts = attempts
        self._clock = clock
        self._repeated = 0
        self._down_since: float | None = None

    def renew(self) -> None:
        """A way back begins: it may repeat as much as the way there."""
        self._repeated = 0

    def note_answer(self) -> None:
        """Fly answers."""
        self._down_since = None

    def bears(self, error: Exception) -> bool | float:
        """Whether a call that failed so is repeated, or after how many seconds at the least."""
        if not is_passing(error):
            self.note_answer()
            return False
        if self._down_since is None:
            self._down_since = self._clock()
        if self.is_spent:
            return False
        wait = pause(error)
        if wait > RETRY_AFTER_MAX:
            return False
        self._repeated += 1
        return wait or True

    @property
    def is_spent(self) -> bool:
        """Nothing is repeated any more."""
        return bool(self.told)

    @property
    def told(self) -> str:
        """Why nothing is repeated any more, for people; empty while there is patience."""
        if self._outage > OUTAGE_SECONDS:
            return (
                f"Fly's API has given no answer for {self._outage:.0f} s: it is down, or cannot be "
                "reached from here (https://status.flyio.net)."
            )
        if self._repeated >= REPETITIONS:
            return f"{self._repeated} calls had to be repeated: Fly's API fails too often now."
        return ""

    @property
    def _outage(self) -> float:
        return 0.0 if self._down_since is None else self._clock() - self._down_since


async def repetitions(when: When, attempts: int = ATTEMPTS) -> AsyncIterator[stamina.Attempt]:
    """The attempts at something that may fail, each to be made as `with attempt: …`.

    Args:
        when: which failures are followed by another attempt, and after how many seconds.
    """
    async for attempt in stamina.retry_context(
        on=when,
        attempts=attempts,
        timeout=None,
        wait_initial=0.2,
        wait_max=3.0,
        wait_jitter=0.3,
    ):
        yield attempt


def is_passing(error: Exception) -> bool:
    """The failure is of the moment: the same call may succeed a little later.

    A local Fly that does not run is none: to ask again would not start it.
    """
    if isinstance(error, ServerError):
        return error.status != NOT_IMPLEMENTED
    return isinstance(error, RateLimitedError | UnreachableError) and not isinstance(
        error, LocalFlyDownError
    )


def may_have_happened(error: Exception) -> bool:
    """The call failed, and has perhaps done what it was to do."""
    if isinstance(error, UnreachableError):
        return error.maybe_applied
    return isinstance(error, ServerError) and error.status != NOT_IMPLEMENTED


def pause(error: Exception) -> float:
    """How long Fly asks to be left alone, in seconds; 0 if it says nothing."""
    after = error.retry_after if isinstance(error, FlyError) else 0.0
    return max(after, RATE_LIMIT_WAIT_SECONDS) if isinstance(error, RateLimitedError) else after
