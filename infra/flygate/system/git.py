"""Run git in a checkout."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from flygate.system.environment import for_others


def git(root: Path, *arguments: str) -> str:
    """Return what a git command prints, or an empty text where there is no git or no checkout.

    A release depends on neither.
    """
    try:
        return subprocess.run(
            ["git", *arguments],
            cwd=root,
            # A repository can name programs that git runs; they must not see Flygate's secrets.
            env=for_others(os.environ),
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
