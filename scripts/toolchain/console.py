"""What the user sees of a bootstrap: one line a step, with its time."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Console:
    """Writes to stdout; failures to stderr, after the program's name."""

    def __init__(self, program: str = "bootstrap") -> None:
        self._program = program

    def say(self, text: str, since: float | None = None) -> None:
        """A line, with the time since `since` where that is given."""
        took = f" in {_duration(time.monotonic() - since)}" if since is not None else ""
        print(f"{text}{took}", flush=True)

    def fail(self, text: str) -> None:
        print(f"{self._program}: {text}", file=sys.stderr, flush=True)

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Announce a step, and say when it is done how long it took."""
        started = time.monotonic()
        print(f"{text} … ", end="", flush=True)
        try:
            yield
        except BaseException:
            print(
                "failed" if not isinstance(sys.exception(), KeyboardInterrupt) else "", flush=True
            )
            raise
        print(_duration(time.monotonic() - started), flush=True)


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds:.2f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"
