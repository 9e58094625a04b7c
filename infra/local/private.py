"""Files that nobody but their owner can read."""

import contextlib
import os
import stat
from pathlib import Path

_OTHERS = 0o077


def opener(path: str, flags: int) -> int:
    """For `open`: a file that is made is its owner's alone."""
    return os.open(path, flags, 0o600)


def make_folder(path: Path) -> None:
    """Makes a folder, and those that it is in; those that are made are their owner's alone."""
    missing = [one for one in (path, *path.parents) if not one.exists()]
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    for one in missing:
        one.chmod(0o700)


def tighten(folder: Path) -> None:
    """Takes from others what a former version gave them; links are not followed."""
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(parent) / name
            with contextlib.suppress(OSError):  # gone meanwhile, or somebody else's
                mode = path.lstat().st_mode
                if mode & _OTHERS and not stat.S_ISLNK(mode):
                    path.chmod(stat.S_IMODE(mode) & ~_OTHERS)
