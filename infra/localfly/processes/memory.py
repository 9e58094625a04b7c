"""How much memory process groups use."""

from collections import defaultdict
from collections.abc import Collection

import psutil

from localfly.processes.identity import group_of


def bytes_by_group(groups: Collection[int]) -> dict[int, int]:
    """Return the memory of each of these process groups that can't be given back: what its
    processes have resident, without file pages and memory that they share.
    """
    found: dict[int, int] = defaultdict(int)
    for pid in psutil.pids():
        if (group := group_of(pid)) is not None and group in groups:
            found[group] += _private_bytes(pid)
    return found


def _private_bytes(pid: int) -> int:
    try:
        memory = psutil.Process(pid).memory_info()
    except psutil.Error:  # it ended meanwhile
        return 0
    return memory.rss - getattr(memory, "shared", 0)  # macOS doesn't count what is shared
