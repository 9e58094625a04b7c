"""The identity of a process: pid, start time and command, since the system soon reuses a pid."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import psutil

# Every process of a machine carries this variable; its value names the state folder, also after
# the folder was moved.
MARKER: Final = "FLYGATE_LOCAL_STATE"

_ENDED: Final = frozenset({psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD})
_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    pid: int
    started: str  # in clock ticks since the computer's start: no change of its clock moves them
    command: str

    def to_state(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "ProcessIdentity":
        """Read a record; a former version wrote the id of the boot in front of the ticks."""
        return cls(**{**state, "started": state["started"].rpartition("/")[2]})


def identify(pid: int) -> ProcessIdentity | None:
    """Return the identity of a living process; None if there is none (a zombie is none)."""
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            if process.status() in _ENDED:
                return None
            command = " ".join(process.cmdline()).strip()
            return ProcessIdentity(pid, str(started_ticks(process)), command)
    except psutil.Error:
        return None


def started_ticks(process: psutil.Process) -> int:
    """Return when a process was started, in clock ticks since the computer's start."""
    return round((process.create_time() - psutil.boot_time()) * _TICKS_PER_SECOND)


def is_alive(identity: ProcessIdentity) -> bool:
    return identify(identity.pid) == identity


def group_of(pid: int) -> int | None:
    """Return the process group; None if the process has ended or can't be seen."""
    try:
        return os.getpgid(pid)
    except (ProcessLookupError, PermissionError):
        return None


def marked_processes(state_id: str, machine_id: str = "") -> Iterator[int]:
    """Find the living processes of all machines of this state, or of one of them."""
    wanted = {MARKER: state_id}
    if machine_id:
        wanted["FLY_MACHINE_ID"] = machine_id
    return (pid for pid in psutil.pids() if wanted.items() <= _environment_of(pid).items())


def _environment_of(pid: int) -> dict[str, str]:
    try:
        return psutil.Process(pid).environ()
    except (psutil.Error, OSError):  # it ended meanwhile, or is another user's
        return {}
