"""`Provenance`: who releases what, and why. It is read when the rollout runs.

It is no input, or every commit would redeploy.
"""

from __future__ import annotations

import getpass
import os
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from flygate.system.git import git


@dataclass(frozen=True, slots=True)
class Provenance:
    """Attributes:
    at: RFC 3339.
    by: `user@host`, or what FLYGATE_ACTOR or GitHub Actions says.
    commit: the checkout's short commit, with `+` if it has uncommitted changes.
    reason: FLYGATE_REASON, or empty.
    """

    at: str
    by: str
    commit: str
    reason: str

    @classmethod
    def read(cls, root: Path) -> Provenance:
        """Read the environment and the checkout."""
        return cls(
            at=now(),
            by=actor(),
            commit=_commit(root),
            reason=os.environ.get("FLYGATE_REASON", ""),
        )


def now() -> str:
    """Return the time, RFC 3339, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def actor() -> str:
    """Return who releases."""
    named = os.environ.get("FLYGATE_ACTOR") or os.environ.get("GITHUB_ACTOR")
    return named or f"{getpass.getuser()}@{socket.gethostname()}"


def _commit(root: Path) -> str:
    commit = git(root, "rev-parse", "--short", "HEAD")
    changed = "+" if commit and git(root, "status", "--porcelain", "--untracked-files=no") else ""
    return commit + changed
