"""Files and folders that nobody but their owner can read: all that is below `.flygate/`.

Standard library only: the bootstrap uses it before anything is installed.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import TextIO

HOME = ".flygate"
FOLDER = 0o700
FILE = 0o600
# What others may do with a file.
_OTHERS = 0o077


def folder(path: Path) -> Path:
    """Make a folder, and the folders that it is in up to `.flygate`; close those that are open."""
    made = [one for one in (path, *path.parents) if not one.exists()]
    path.mkdir(mode=FOLDER, parents=True, exist_ok=True)
    for one in {*made, *_below_home(path), path}:
        _close(one)
    return path


def append(path: Path) -> TextIO:
    """Open a file to write at its end."""
    return _opened(path, os.O_APPEND)


def write(path: Path, text: str) -> None:
    """Write a file anew."""
    with _opened(path, os.O_TRUNC) as file:
        file.write(text)


def tighten(top: Path) -> None:
    """Close what is below a folder, and the folder: an older version made it, or another program.

    What its owner may do with a file stays as it is; links in it are not followed.
    """
    top = top.resolve()  # it may lie on another disk
    if not top.is_dir():
        return
    _close(top)
    for parent, folders, files in os.walk(top):
        for name in (*folders, *files):
            _close(Path(parent) / name)


def _opened(path: Path, how: int) -> TextIO:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | how, FILE)
    file = os.fdopen(descriptor, "w", encoding="utf-8")
    if stat.S_IMODE(os.fstat(descriptor).st_mode) & _OTHERS:
        os.fchmod(descriptor, FILE)
    return file


def _below_home(path: Path) -> list[Path]:
    """The folder and its parents, from `.flygate` on; none elsewhere."""
    line = [path, *path.parents]
    homes = [number for number, one in enumerate(line) if one.name == HOME]
    return line[: homes[0] + 1] if homes else []


def _close(path: Path) -> None:
    # It may be somebody else's, or gone while we look.
    with contextlib.suppress(OSError):
        mode = path.lstat().st_mode
        if mode & _OTHERS and not stat.S_ISLNK(mode):
            path.chmod(stat.S_IMODE(mode) & ~_OTHERS)
