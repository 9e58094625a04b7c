"""One daemon per state folder: it holds a lock, which the system releases when it dies."""

import fcntl
import os
from pathlib import Path
from typing import Final

from localfly.timing.polling import poll

NAME: Final = "daemon.lock"
_PATIENCE_SECONDS: Final = 0.1
_PAUSE_SECONDS: Final = 0.01


class StateLock:
    """The lock's file names its holder, so that `flygate local down` can signal it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Take the lock; return False if another process has it."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        if not _lock(descriptor):
            os.close(descriptor)
            return False
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    @property
    def is_deleted(self) -> bool:
        """Whether the state folder was deleted (not just moved) while the lock is held."""
        return self._descriptor is not None and os.fstat(self._descriptor).st_nlink == 0

    def holder(self) -> int | None:
        """Return the living process that holds the lock; None if no process does."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(descriptor, 32).decode()
            return int(pid) if pid else None
        finally:
            os.close(descriptor)
        return None


def _lock(descriptor: int) -> bool:
    """Try for a moment: a process that only looks for the holder has the lock for an instant."""
    return poll(lambda: _try_lock(descriptor), seconds=_PATIENCE_SECONDS, pause=_PAUSE_SECONDS)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
