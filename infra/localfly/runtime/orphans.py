"""Ends processes of machines that no daemon watches: after kill -9 of the daemon, or of `up`."""

import contextlib
import os
import signal
import time
from collections.abc import Collection

from localfly.runtime.identity import ProcessIdentity, identify, is_alive, marked_processes

_PATIENCE_SECONDS = 5.0


def end_orphans(
    state_id: str,
    recorded: Collection[ProcessIdentity] = (),
    keep: Collection[int] = (),
    machine_id: str = "",
) -> list[int]:
    """Kills the processes of this state, or of one machine of it, except the groups `keep`.

    They are found by the recorded identities and, where the system shows environments, by the
    marker that each carries; so a stranger that got an old pid is never hit.
    """
    orphans = {pid for pid in marked_processes(state_id, machine_id) if _group(pid) not in keep}
    orphans |= {known.pid for known in recorded if known.pid not in keep and is_alive(known)}
    orphans.discard(os.getpid())
    for pid in orphans:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    _wait_for_end(orphans)
    return sorted(orphans)


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return -1


def _wait_for_end(pids: Collection[int]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while any(identify(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.01)
