"""When a call of Fly's API is repeated: which failures, how often, and who hears of it.

Three limits hold at once: the attempts at one call, the repetitions of a whole client (a rollout
has one), and the time for which the API may give no answer at all.

stamina logs retries by itself, through whatever logging library it finds, on standard output, where
an operation's result belongs. So its own hooks are replaced, in every process of Flygate.
"""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

import stamina
import stamina.instrumentation

from flygate.fly.errors import (
    ConflictError,
    FlyError,
    InvalidRequestError,
    LocalFlyDownError,
    RateLimitedError,
    ServerError,
    UnreachableError,
)

# One call: some 25 seconds of waiting, and less than one in a million at one failure in five.
ATTEMPTS: Final = 12
# All calls of a rollout, or of its way back. One failure in five repeats about 75 calls of a
# rollout onto ten machines; an API that is worse than that had better be left alone.
REPETITIONS: Final = 400
# After this long without a single answer a call is tried once only.
OUTAGE_SECONDS: Final = 60.0
# Fly limits each action to one request per second and machine or app (burst 3): a shorter wait
# than a second after a 429 only burns the next token.
RATE_LIMIT_WAIT_SECONDS: Final = 1.0
# If Fly asks for a longer pause, the call fails and the operator reads why.
RETRY_AFTER_MAX: Final = 60.0
NOT_IMPLEMENTED: Final = 501

When = Callable[[Exception], bool | float]
Listener = Callable[[str], None]
Made = TypeVar("Made")


class RetryBudget:
    """How much one client may still repeat.

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
        """Allow as many repetitions as at first: a way back begins."""
        self._repeated = 0

    def note_answer(self) -> None:
        """Note that Fly answers."""
        self._down_since = None

    def spend(self, error: Exception) -> bool | float:
        """Return whether a failed call is repeated, or after how many seconds at the least."""
        if not is_transient(error):
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
        return bool(self.problem)

    @property
    def problem(self) -> str:
        """Why nothing is repeated any more, for people; empty while something is."""
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


async def attempts(when: When, count: int = ATTEMPTS) -> AsyncIterator[stamina.Attempt]:
    """Yield the attempts at something that may fail, each to be made as `with attempt: …`.

    Args:
        when: which failures are followed by another attempt, and after how many seconds.
    """
    async for attempt in stamina.retry_context(
        on=when,
        attempts=count,
        timeout=None,
        wait_initial=0.2,
        wait_max=3.0,
        wait_jitter=0.3,
    ):
        yield attempt


async def create_once(
    create: Callable[[], Awaitable[Made]], find: Callable[[], Awaitable[Made | None]]
) -> Made:
    """Create something that must not be there twice: look for it before the call is repeated.

    Args:
        find: what an earlier call created, or None.

    Raises:
        FlyError: as `create`, unless it refuses since an earlier call has succeeded after all.
    """
    async for attempt in attempts(may_have_happened):
        with attempt:
            if attempt.num > 1 and (made := await find()) is not None:
                return made
            try:
                return await create()
            except (ConflictError, InvalidRequestError):
                if attempt.num > 1 and (made := await find()) is not None:
                    return made
                raise
    raise AssertionError("unreachable: the last attempt returns or raises")


def is_transient(error: Exception) -> bool:
    """Return whether the same call may succeed a little later.

    A local Fly that does not run is no such failure: to repeat the call would not start it.
    """
    if isinstance(error, ServerError):
        return error.status != NOT_IMPLEMENTED
    return isinstance(error, RateLimitedError | UnreachableError) and not isinstance(
        error, LocalFlyDownError
    )


def may_have_happened(error: Exception) -> bool:
    """Return whether a failed call has perhaps done what it was to do."""
    if isinstance(error, UnreachableError):
        return error.maybe_applied
    return isinstance(error, ServerError) and error.status != NOT_IMPLEMENTED


def pause(error: Exception) -> float:
    """Return for how many seconds Fly asks for no call; 0 if it says nothing."""
    after = error.retry_after if isinstance(error, FlyError) else 0.0
    return max(after, RATE_LIMIT_WAIT_SECONDS) if isinstance(error, RateLimitedError) else after


@contextmanager
def reported_to(listener: Listener) -> Iterator[None]:
    """Report each retry to a listener while the body runs; of several, to the innermost one."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def install() -> None:
    """Replace stamina's own hooks."""
    stamina.instrumentation.set_on_retry_hooks([_announce])


def _announce(details: stamina.instrumentation.RetryDetails) -> None:
    _listeners[-1](f"{_cause(details.caused_by)} (repeated in {details.wait_for:.1f} s)")


def _cause(error: Exception) -> str:
    """Errors of Fly's client are made to be read; another one's text may hold a secret address."""
    return str(error).splitlines()[0] if isinstance(error, FlyError) else type(error).__name__


def _to_screen(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr, flush=True)


_listeners: list[Listener] = [_to_screen]
