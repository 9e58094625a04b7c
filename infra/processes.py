"""Processes of this machine, by their number."""

from __future__ import annotations

import os


def process_runs(pid: int) -> bool:
    """A process of that number runs, whoever's it is."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's
    return True
