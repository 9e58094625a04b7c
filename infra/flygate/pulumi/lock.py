"""Pulumi's own lock of a stack whose state is in a folder: its process, and whether that lives.

Pulumi never ends the lock of a process that died. It is a file of JSON, with the process's
number, its computer, its user and the time; other backends keep theirs out of sight.

A lock that found no room on the disk is cut off, often to nothing, and names no process; Pulumi
then says no more than "unexpected end of JSON input". A lock is written beside its
place and moved there, so no process that works has such a lock, and to remove it is safe.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from flygate.config import PROJECT
from flygate.system import space
from flygate.system.processes import process_runs

# Pulumi writes a lock at once; after so long it is not being written any more.
_WRITTEN_SECONDS = 2.0
# What the state's library keeps of a file's type beside it: Pulumi takes it for no lock.
_ATTRIBUTES = ".attrs"


@dataclass(frozen=True, slots=True)
class PulumiLock:
    """One process's claim on a stack."""

    path: Path
    pid: int
    user: str
    host: str
    since: datetime

    def __str__(self) -> str:
        since = self.since.isoformat(timespec="seconds")
        return f"Pulumi by {self.user}@{self.host} (process {self.pid}) since {since}"

    @property
    def is_local(self) -> bool:
        """Whether the process ran on this computer, so that it is known whether it lives."""
        return self.host == socket.gethostname()

    @property
    def is_dead(self) -> bool:
        """Whether the process is gone, or was of a time before the computer started."""
        if not self.is_local:
            return False
        return self.since.timestamp() < _booted_at() or not process_runs(self.pid)


@dataclass(frozen=True, slots=True)
class CutLock:
    """A lock that was cut off while it was written: the disk was full."""

    path: Path
    size: int
    age_seconds: float

    def __str__(self) -> str:
        return f"Pulumi, which found no room on the disk for its lock ({self.size} bytes),"

    @property
    def is_local(self) -> bool:
        """Whether its process ran on this computer: it wrote into a folder of it."""
        return True

    @property
    def is_dead(self) -> bool:
        """Whether it is no longer being written."""
        return self.age_seconds > _WRITTEN_SECONDS


Lock = PulumiLock | CutLock


def find(environment: Mapping[str, str], stack: str) -> Lock | None:
    """Return the lock of a stack if one can be seen; of several one whose process may live.

    Args:
        environment: of the Pulumi command; its PULUMI_BACKEND_URL says where the state is.
    """
    return min(find_all(environment, stack), key=lambda lock: lock.is_dead, default=None)


def find_all(environment: Mapping[str, str], stack: str) -> list[Lock]:
    """Return all locks of a stack that can be seen, as `find` does."""
    if (state := space.state_folder(environment)) is None:
        return []
    folder = state / ".pulumi/locks/organization" / PROJECT / stack
    paths = sorted(path for path in folder.glob("*") if path.suffix != _ATTRIBUTES)
    return [lock for path in paths if (lock := _lock(path)) is not None]


def _lock(path: Path) -> Lock | None:
    try:
        return _read(path)
    except OSError:
        return None  # it has just ended
    except (ValueError, KeyError, TypeError):
        return _cut(path)


def _cut(path: Path) -> CutLock | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return CutLock(path, found.st_size, time.time() - found.st_mtime)


def _read(path: Path) -> PulumiLock:
    found = json.loads(path.read_text(encoding="utf-8"))
    return PulumiLock(
        path=path,
        pid=int(found["pid"]),
        user=str(found["username"]),
        host=str(found["hostname"]),
        since=datetime.fromisoformat(_microseconds(str(found["timestamp"]))),
    )


def _microseconds(text: str) -> str:
    """Go writes nanoseconds, which Python reads from 3.11 on only if it drops some digits."""
    head, dot, rest = text.partition(".")
    digits = len(rest) - len(rest.lstrip("0123456789"))
    return f"{head}.{rest[:digits][:6].ljust(6, '0')}{rest[digits:]}" if dot else text


def _booted_at() -> float:
    try:
        return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) - 1
    except (AttributeError, OSError):
        return 0.0  # not Linux: the process's number must do
