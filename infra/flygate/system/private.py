"""Files and folders that only their owner can read: all that is below `.flygate/`.

A file is written whole or not at all: a process may die and a disk may fill up at any moment.
Standard library only: the bootstrap uses it before anything is installed.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

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


def add_line(path: Path, line: str) -> None:
    """Add a line to the end of a file; it is on disk when this returns.

    A line that finds no room leaves nothing of it, and one that a process which died had begun is
    ended first.

    Raises:
        OSError: with the path; the file is as it was.
    """
    with _naming(path):
        descriptor = _opened(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        try:
            _add(descriptor, line.encode())
        finally:
            os.close(descriptor)


def write(path: Path, text: str) -> None:
    """Write a file anew: beside its place first, so that what is there is whole.

    Raises:
        OSError: with the path; the file is as it was.
    """
    scratch = path.with_name(f".{path.name}.{os.getpid()}.new")
    with _naming(path):
        try:
            descriptor = _opened(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            try:
                _write_all(descriptor, text.encode())
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            scratch.replace(path)
        except BaseException:
            scratch.unlink(missing_ok=True)
            raise


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


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Add the path to the error of a write, which lacks it."""
    try:
        yield
    except OSError as exc:
        exc.filename, exc.filename2 = str(path), None
        raise


def _opened(path: Path, how: int) -> int:
    descriptor = os.open(path, how, FILE)
    if stat.S_IMODE(os.fstat(descriptor).st_mode) & _OTHERS:
        os.fchmod(descriptor, FILE)
    return descriptor


def _add(descriptor: int, line: bytes) -> None:
    size = os.fstat(descriptor).st_size
    is_torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
    try:
        _write_all(descriptor, (b"\n" if is_torn else b"") + line + b"\n")
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, size)
        raise


def _write_all(descriptor: int, data: bytes) -> None:
    """Write all; on a full disk the beginning fits and the rest fails."""
    while data:
        data = data[os.write(descriptor, data) :]


def _below_home(path: Path) -> list[Path]:
    """Return the folder and its parents from `.flygate` on; none elsewhere."""
    line = [path, *path.parents]
    homes = [number for number, one in enumerate(line) if one.name == HOME]
    return line[: homes[0] + 1] if homes else []


def _close(path: Path) -> None:
    # It may be another user's, or gone meanwhile.
    with contextlib.suppress(OSError):
        mode = path.lstat().st_mode
        if mode & _OTHERS and not stat.S_ISLNK(mode):
            path.chmod(stat.S_IMODE(mode) & ~_OTHERS)
