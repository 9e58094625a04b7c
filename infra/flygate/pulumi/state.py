"""Pulumi's file of a stack's state, where it is in a folder, and its copies.

Pulumi writes what fits and puts it in its place: on a full disk the state is cut off, and each
later command says no more than "failed to load checkpoint". The copies that it makes of each state
are where it comes from again; what a copy lacks, the next `pulumi up` takes over from what runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from flygate.config import PROJECT
from flygate.system import private, space


@dataclass(frozen=True, slots=True)
class CutState:
    """A state that was cut off while it was written.

    Attributes:
        copy: the newest copy that is whole; None if there is none.
    """

    path: Path
    size: int
    copy: Path | None

    def __str__(self) -> str:
        copy = f"its copy {self.copy.name} is whole" if self.copy else "no copy of it is whole"
        return (
            f"Pulumi's state ({self.path}) was cut off at {self.size} bytes, as when the disk is "
            f"full; {copy}"
        )

    def restore(self) -> None:
        """Lay the copy in its place.

        Raises:
            OSError: there is no room for it; all is as it was.
        """
        if self.copy:
            private.write(self.path, self.copy.read_text(encoding="utf-8"))


def find_cut(environment: Mapping[str, str], stack: str) -> CutState | None:
    """Return the state of a stack if it can be seen that it is cut off.

    Args:
        environment: of the Pulumi command; its PULUMI_BACKEND_URL says where the state is.
    """
    if (folder := space.state_folder(environment)) is None:
        return None
    path = folder / ".pulumi/stacks" / PROJECT / f"{stack}.json"
    if not path.is_file() or _is_whole(path):
        return None
    whole = (copy for copy in _copies(folder / ".pulumi", stack) if _is_whole(copy))
    return CutState(path, path.stat().st_size, next(whole, None))


def _copies(folder: Path, stack: str) -> Iterator[Path]:
    """Yield all copies, newest first: of the last write, then of each update's end."""
    yield folder / "stacks" / PROJECT / f"{stack}.json.bak"
    # Their names end with the time.
    yield from sorted((folder / "backups" / PROJECT / stack).glob("*.json"), reverse=True)
    yield from sorted(
        (folder / "history" / PROJECT / stack).glob("*.checkpoint.json"), reverse=True
    )


def _is_whole(path: Path) -> bool:
    try:
        return isinstance(json.loads(path.read_text(encoding="utf-8")), dict)
    except (OSError, ValueError):
        return False
