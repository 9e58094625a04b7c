"""Ends processes of machines that no daemon watches: after kill -9 of the daemon, or of `up`."""

import contextlib
import os
import signal
from collections.abc import Collection
from typing import Final

from localfly.processes.identity import (
    ProcessIdentity,
    group_of,
    identify,
    is_alive,
    marked_processes,
)
from localfly.timing.polling import poll

_PATIENCE_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.01


def end_orphans(
    state_id: str,
    recorded: Collection[ProcessIdentity] = (),
    keep: Collection[int] = (),
    machine_id: str = "",
) -> list[int]:
    """Kill the processes of this state, or of one machine of it, except the groups `keep`.

    They are found by the recorded identities and, where the system shows environments, by the
    marker that each carries; so another program that got an old pid is never hit.
    """
    orphans = {pid for pid in marked_processes(state_id, machine_id) if group_of(pid) not in keep}
    orphans |= {known.pid for known in recorded if known.pid not in keep and is_alive(known)}
    orphans.discard(os.getpid())
    for pid in orphans:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    poll(lambda: not any(map(identify, orphans)), seconds=_PATIENCE_SECONDS, pause=_POLL_SECONDS)
    return sorted(orphans)
