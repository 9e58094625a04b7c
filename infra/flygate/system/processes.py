"""Processes of this machine, by their number."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

_ANCESTORS_MAX = 32


def process_runs(pid: int) -> bool:
    """Return whether a process of that number runs, of any user."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # another user's
    return True


def ancestor(name: str) -> int | None:
    """Return the number of the nearest process of that name above this one, or None."""
    return next((pid for pid, found in _ancestors() if found == name), None)


def _ancestors() -> Iterator[tuple[int, str]]:
    """Yield each process above this one, and the name of its program."""
    pid = os.getppid()
    for _ in range(_ANCESTORS_MAX):
        if pid <= 1 or (found := _parent_and_name(pid)) is None:
            return
        parent, name = found
        yield pid, name
        pid = parent


def _parent_and_name(pid: int) -> tuple[int, str] | None:
    """Read them from Linux's /proc, or else from `ps`."""
    try:
        # `number (name) state parent …`, where the name may hold anything.
        head, _, rest = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")
        return int(rest.split()[1]), head.partition("(")[2]
    except FileNotFoundError:
        pass
    except (OSError, ValueError):
        return None
    try:
        words = subprocess.run(
            ["ps", "-o", "ppid=,comm=", "-p", str(pid)], capture_output=True, text=True, check=True
        ).stdout.split(maxsplit=1)
        return int(words[0]), Path(words[1].strip()).name
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None
