"""`Revision`: the last commit that changed what is in an image.

A later commit that changes a document makes no other image, so it must not change its date.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flygate.system.git import git

_DIGITS: Final = 12


@dataclass(frozen=True, slots=True)
class Revision:
    """The state of a checkout, as far as an image is made of it.

    Attributes:
        commit: abbreviated; empty if there is none.
        at: when it was made, in seconds since 1970; now if the checkout differs from it.
        is_dirty: no commit describes it.
    """

    commit: str
    at: int
    is_dirty: bool

    @classmethod
    def read(cls, root: Path, inputs: Sequence[str]) -> Revision:
        """Read the checkout.

        Args:
            inputs: names below it, which the image is made of.
        """
        found = git(root, "log", "-1", f"--abbrev={_DIGITS}", "--format=%h %ct", "--", *inputs)
        commit, _, at = found.partition(" ")
        changes = git(root, "status", "--porcelain", "--untracked-files=all", "--", *inputs)
        is_dirty = not commit or bool(changes)
        return cls(commit, int(time.time()) if is_dirty else int(at), is_dirty)

    @property
    def tag(self) -> str:
        """The tag of its image."""
        if not self.is_dirty:
            return self.commit
        return f"{self.commit}-dirty" if self.commit else "dirty"
