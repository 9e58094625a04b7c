"""Pulumi's own lock of a stack whose state is in a folder: who has it, and whether they live.

Pulumi never ends the lock of a process that died. It is a file of JSON, with the process's
number, its computer, its user and the time; other backends keep theirs where we can't see it.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from infra.config import PROJECT
from infra.processes import process_runs

_SCHEME = "file://"


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
        """The process ran on this computer, so that we can tell whether it lives."""
        return self.host == socket.gethostname()

    @property
    def is_dead(self) -> bool:
        """The process is gone, or was of a time before the computer started."""
        if not self.is_local:
            return False
        return self.since.timestamp() < _booted_at() or not process_runs(self.pid)


def find(environment: Mapping[str, str], stack: str) -> PulumiLock | None:
    """The lock of a stack, if there is one that we can see.

    Args:
        environment: of the Pulumi command; its PULUMI_BACKEND_URL says where the state is.
    """
    backend = environment.get("PULUMI_BACKEND_URL", "")
    if not backend.startswith(_SCHEME):
        return None
    folder = Path(backend.removeprefix(_SCHEME)) / ".pulumi/locks/organization" / PROJECT / stack
    for path in sorted(folder.glob("*.json")):
        try:
            return _read(path)
        except (OSError, ValueError, KeyError):
            continue  # it has just ended, or is just being written
    return None


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
