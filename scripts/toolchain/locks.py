"""One bootstrap at a time: per checkout, and per cache."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.toolchain.console import Console
from scripts.toolchain.private import opener


@contextmanager
def locked(path: Path, console: Console) -> Iterator[None]:
    """Hold the lock on `path`; the system gives it back however the holder ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", opener=opener) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.say("Waiting for another one to finish …")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
