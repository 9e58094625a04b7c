"""Files and folders that only their owner can read."""

import contextlib
import os
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_OTHERS: Final = 0o077


def opener(path: str, flags: int) -> int:
    """Open for `open`: only its owner can read a new file."""
    return os.open(path, flags, 0o600)


def append_whole(path: Path, text: str) -> None:
    """Append a text to a file, or nothing of it where there is no space for all.

    Raises:
        OSError: the file is as it was.
    """
    data = text.encode()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        try:
            while data:
                data = data[os.write(descriptor, data) :]
        except OSError:
            os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)


def make_folder(path: Path) -> None:
    """Make a folder, and those that it is in; only their owner can read the new ones."""
    missing = [one for one in (path, *path.parents) if not one.exists()]
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    for one in missing:
        one.chmod(0o700)


def tighten(folder: Path, keep: Sequence[Path] = ()) -> None:
    """Take the permissions of other users away, which a former version gave; links are not
    followed. The folders of `keep` stay as they are.
    """
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if Path(parent) / name not in keep]
        for name in (*folders, *files):
            path = Path(parent) / name
            with contextlib.suppress(OSError):  # gone meanwhile, or another user's
                mode = path.lstat().st_mode
                if mode & _OTHERS and not stat.S_ISLNK(mode):
                    path.chmod(stat.S_IMODE(mode) & ~_OTHERS)


def remove_tree(folder: Path) -> None:
    """Remove a folder with read-only parts."""
    for parent, _, _ in os.walk(folder):
        Path(parent).chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)
