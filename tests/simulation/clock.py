"""Virtual time: an event loop that jumps to its next timer, and clocks that follow it."""

from __future__ import annotations

import asyncio
import contextlib
import selectors
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from datetime import UTC, datetime
from typing import Any
from unittest import mock

# Where virtual time begins, in unix seconds.
EPOCH = 1_800_000_000.0
# Of virtual time. What is longer under way than this will never end.
SECONDS_MAX = 24 * 3600.0


class StandstillError(RuntimeError):
    """Nothing is ready and no timer is set, or virtual time has run far too long."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop without sockets and threads, on which waiting takes no time."""

    def __init__(self) -> None:
        self._jumps = _Jumps()
        super().__init__(self._jumps)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._jumps.seconds

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Run it here and now: a thread would bring real time and chance in."""
        future: asyncio.Future[Any] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as exc:
            future.set_exception(exc)
        return future


class _Jumps(selectors.SelectSelector):
    """Lets the seconds pass that the loop would wait."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        """No file is ever ready."""
        if timeout is None or self.seconds > SECONDS_MAX:
            raise StandstillError("it waits for what never comes")
        self.seconds += max(0.0, timeout)
        return []


def now() -> str:
    """As `infra/flygate/record/provenance.py` says it."""
    return datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="seconds")


@contextlib.contextmanager
def installed(loop: VirtualLoop, skew: Callable[[], float]) -> Iterator[None]:
    """The clocks of `time` follow the loop while the body runs, for all code that reads them.

    Args:
        skew: by how many seconds the wall clock of the process that reads it is wrong.
    """

    def wall() -> float:
        return EPOCH + loop.time() + skew()

    with mock.patch.object(time, "monotonic", loop.time), mock.patch.object(time, "time", wall):
        yield
