"""The process that rolls out from this computer: a file that the kernel unlocks when it dies.

The next process reads the nonces of its leases there, so it need not wait until they expire.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from flygate.system import private


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that rolls out.

    Attributes:
        what: `v7`.
        by: `user@host`.
        since: RFC 3339.
    """

    what: str
    by: str
    since: str
    why: str = ""
    pid: int = field(default_factory=os.getpid)

    @property
    def description(self) -> str:
        """Return the text that others read, in the leases too."""
        why = f": {self.why}" if self.why else ""
        return f"flygate {self.what} by {self.by} (process {self.pid}) since {self.since}{why}"


class HolderFile:
    """One app's file.

    Attributes:
        left_behind: machine id → nonce, of the leases of a holder that died.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._holder: Holder | None = None
        self.left_behind: dict[str, str] = {}

    def claim(self, holder: Holder) -> str | None:
        """Become the holder; return the present holder if there is one."""
        private.folder(self._path.parent)
        # Only for this user: a process that has a nonce can change the machine.
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, private.FILE)
        os.fchmod(descriptor, private.FILE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            found = _read(descriptor)
            os.close(descriptor)
            return str(found.get("description") or "a process of this computer")
        self._descriptor, self._holder = descriptor, holder
        self.left_behind = dict(_read(descriptor).get("leases") or {})
        self.note(self.left_behind)
        return None

    def note(self, leases: Mapping[str, str]) -> None:
        """Write down which leases are held now.

        On a full disk it is left out: the next process then waits until the leases expire.
        """
        if self._descriptor is None or self._holder is None:
            return
        noted = {
            **asdict(self._holder),
            "description": self._holder.description,
            "leases": dict(leases),
        }
        content = json.dumps(noted).encode()
        with contextlib.suppress(OSError):
            os.pwrite(self._descriptor, content, 0)
            os.ftruncate(self._descriptor, len(content))

    def release(self) -> None:
        """Let the next one in."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None


def living(path: Path) -> str:
    """Return who rolls out from this computer now, by an app's file; empty if no process does."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return ""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return str(_read(descriptor).get("description") or "a process of this computer")
    finally:
        os.close(descriptor)
    return ""


def _read(descriptor: int) -> dict[str, Any]:
    """Return what the last holder wrote; nothing if it died while it wrote."""
    try:
        found = json.loads(os.pread(descriptor, 1 << 20, 0) or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
