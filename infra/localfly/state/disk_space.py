"""Free space on the disk of the state: a request for something new is refused
when there is none.
"""

import errno
import os
from pathlib import Path
from typing import Final

from localfly.errors import NoSpaceError

# For the records of something new, and for its first lines of log.
LEAST_BYTES: Final = 4 * 1024 * 1024
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def is_disk_full(error: BaseException) -> bool:
    """Return whether an error means that the disk is full."""
    return isinstance(error, OSError) and error.errno in _FULL


def check_disk_space(folder: Path, size: int = 0) -> None:
    """Check that something new of this size in bytes may be made.

    Raises:
        NoSpaceError: there is no space for it; nothing was changed.
    """
    found = os.statvfs(folder)
    free = found.f_bavail * found.f_frsize
    if free < LEAST_BYTES + size or (found.f_files and not found.f_favail):
        raise NoSpaceError(
            f"no space left on device: {free} bytes free for {folder}, {LEAST_BYTES + size} are "
            "needed; nothing was changed, and what runs goes on"
        )
