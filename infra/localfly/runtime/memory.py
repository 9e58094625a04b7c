"""How much memory process groups use, all read in one pass (/proc)."""

import os
from collections import defaultdict
from pathlib import Path

from localfly.runtime.identity import HAS_PROC

_GROUP = 2
_RESIDENT, _SHARED = 1, 2


def bytes_by_group() -> dict[int, int]:
    """The memory of each process group that can't be given back: what its processes have resident,
    without file pages and memory that they share. Empty where the system doesn't show it.
    """
    found: dict[int, int] = defaultdict(int)
    page = os.sysconf("SC_PAGE_SIZE")
    for folder in Path("/proc").iterdir() if HAS_PROC else ():
        if folder.name.isdecimal():
            try:
                group = int((folder / "stat").read_text().rpartition(")")[2].split()[_GROUP])
                pages = (folder / "statm").read_text().split()
            except OSError:  # ended meanwhile
                continue
            found[group] += (int(pages[_RESIDENT]) - int(pages[_SHARED])) * page
    return found
