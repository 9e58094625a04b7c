"""Files and folders that only their owner can read: all that is below `.flygate/`."""

import os
import stat
from contextlib import suppress
from pathlib import Path

_OTHERS = 0o077


def opener(path: str, flags: int) -> int:
    """For `open`: a file that is made is its owner's alone."""
    return os.open(path, flags, 0o600)


def folder(path: Path) -> None:
    """Make a folder; one that is there is closed."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    _close(path)


def tighten(top: Path) -> None:
    """Take from others what an older version gave them; links in it are not followed."""
    top = top.resolve()  # it may lie on another disk
    _close(top)
    for parent, folders, files in os.walk(top):
        for name in (*folders, *files):
            _close(Path(parent) / name)


def _close(path: Path) -> None:
    with suppress(OSError):  # gone meanwhile, or another user's
        mode = path.lstat().st_mode
        if mode & _OTHERS and not stat.S_ISLNK(mode):
            path.chmod(stat.S_IMODE(mode) & ~_OTHERS)
