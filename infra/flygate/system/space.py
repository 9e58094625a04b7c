"""Room on the disks that a deployment writes to: looked at before it begins, named where it ends.

Pulumi leaves a lock and a state that are cut off where its disk fills up, so it is not begun.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from flygate.system import private
from flygate.system.errors import DiskFullError

# The state with its copies, a journal, an image: some MiB each.
LEAST_BYTES = 16 * 1024 * 1024
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FILE_BACKEND = "file://"
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Room:
    """What is free on the disk of a folder.

    Attributes:
        has_names: it takes more files.
    """

    folder: Path
    free_bytes: int
    has_names: bool = True

    @classmethod
    def of(cls, folder: Path) -> Room:
        """Look; a folder that is not there yet will be on its parent's disk."""
        there = next(one for one in (folder, *folder.parents) if one.exists())
        found = os.statvfs(there)
        has_names = found.f_files == 0 or found.f_favail > 0
        return cls(folder, found.f_bavail * found.f_frsize, has_names)

    @property
    def is_enough(self) -> bool:
        """Whether a deployment may begin."""
        return self.free_bytes >= LEAST_BYTES and self.has_names

    def __str__(self) -> str:
        more = "" if self.has_names else ", and no file more"
        return f"{self.free_bytes / _MIB:.0f} MiB free for {self.folder}{more}"


def folders(root: Path, environment: Mapping[str, str]) -> Iterator[Path]:
    """Where a deployment from a checkout writes.

    Args:
        environment: of the Pulumi command; its PULUMI_BACKEND_URL says where the state is.
    """
    yield root / private.HOME
    if state := state_folder(environment):
        yield state


def state_folder(environment: Mapping[str, str]) -> Path | None:
    """Where Pulumi's state is, if it is on a disk of this computer."""
    backend = environment.get("PULUMI_BACKEND_URL", "")
    if not backend.startswith(_FILE_BACKEND):
        return None
    return Path(backend.removeprefix(_FILE_BACKEND).partition("?")[0])


def check(where: Iterable[Path]) -> None:
    """Refuse to begin a deployment without room.

    Raises:
        DiskFullError: a disk has too little room; with its folder.
    """
    for room in map(Room.of, where):
        if not room.is_enough:
            raise DiskFullError(
                f"No space left on device: {room}; {LEAST_BYTES // _MIB} MiB are needed. Nothing "
                "was changed. Free some space there, then run the same command again."
            )


def full(error: BaseException) -> DiskFullError | None:
    """Return the error of a full disk, or None if a write failed for another reason."""
    if not isinstance(error, OSError) or error.errno not in _FULL:
        return None
    where = f": {error.filename}" if error.filename else ""
    return DiskFullError(
        f"{error.strerror}{where}. Free some space there, then run the same command again."
    )
