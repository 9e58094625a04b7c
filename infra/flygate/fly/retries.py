"""What becomes of the news that a call is repeated: a line on standard error, or a listener's.

stamina logs retries by itself, through whatever logging library it finds, on standard output,
where an operation's result belongs. So its own hooks are replaced, in every process of ours.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import stamina.instrumentation

from flygate.fly.errors import FlyError

Listener = Callable[[str], None]


def _to_screen(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr, flush=True)


_listeners: list[Listener] = [_to_screen]


@contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Tell a listener of each retry while the body runs; the innermost one is told."""
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
