"""Who is at work in a checkout: a rollout, or Pulumi. Nothing is pulled from under their feet."""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from scripts.toolchain.checkout import Checkout


def at_work(checkout: Checkout) -> list[str]:
    """Return who is at work, in words; empty if none is."""
    return [*_rollouts(checkout.flygate / "lock"), *_pulumis(checkout.flygate / "state")]


def _rollouts(folder: Path) -> Iterator[str]:
    """Of each app: the file that its rollout holds (`infra/flygate/rollout/lock/holder.py`)."""
    for path in sorted(folder.glob("*.json")):
        with path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                yield f"a rollout of {path.stem}"


def _pulumis(folder: Path) -> Iterator[str]:
    """Pulumi's own locks, of processes that live; those of other computers may."""
    for path in sorted((folder / ".pulumi" / "locks").rglob("*.json")):
        try:
            lock = json.loads(path.read_text(encoding="utf-8"))
            pid, host = int(lock["pid"]), str(lock["hostname"])
        except (OSError, ValueError, KeyError, TypeError):
            continue  # it has just ended, or was never whole
        if host != socket.gethostname() or _lives(pid):
            yield f"Pulumi on {path.parent.name} (process {pid} on {host})"


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
