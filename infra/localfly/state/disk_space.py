"""Room on the disk of the state: whoever asks for something new is told when there is none."""

import errno
import os
from pathlib import Path

from localfly.errors import NoSpaceError

# The records of what is new, and what it writes into its log at first.
LEAST_BYTES = 4 * 1024 * 1024
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def is_disk_full(error: BaseException) -> bool:
    """It failed because there is no room."""
    return isinstance(error, OSError) and error.errno in _FULL


def check_disk_space(folder: Path, size: int = 0) -> None:
    """Something new may be made, of a size in bytes.

    Raises:
        NoSpaceError: there is no room for it; nothing was changed.
    """
    found = os.statvfs(folder)
    free = found.f_bavail * found.f_frsize
    if free < LEAST_BYTES + size or (found.f_files and not found.f_favail):
        raise NoSpaceError(
            f"no space left on device: {free} bytes free for {folder}, {LEAST_BYTES + size} are "
            "needed; nothing was changed, and what runs goes on"
        )
