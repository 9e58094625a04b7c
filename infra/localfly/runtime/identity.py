"""Which process is ours: pid, start time and command together, since a pid alone is soon reused."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

# Every process of a machine carries this variable; its value names the state folder, also after
# the folder was moved.
MARKER = "FLYGATE_LOCAL_STATE"

_PROC = Path("/proc")
HAS_PROC = (_PROC / "self/stat").exists()


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    pid: int
    started: str
    command: str

    def to_state(self) -> dict[str, Any]:
        return asdict(self)


def identify(pid: int) -> ProcessIdentity | None:
    """The identity of the living process `pid`; None if there is none (a zombie is none)."""
    return _identify_by_proc(pid) if HAS_PROC else _identify_by_ps(pid)


def is_alive(identity: ProcessIdentity) -> bool:
    return identify(identity.pid) == identity


def marked_processes(state_id: str, machine_id: str = "") -> Iterator[int]:
    """The living processes that were started for machines of this state, or for one of them."""
    wanted = {f"{MARKER}={state_id}".encode()}
    if machine_id:
        wanted.add(f"FLY_MACHINE_ID={machine_id}".encode())
    for folder in _PROC.iterdir() if HAS_PROC else ():
        if folder.name.isdecimal() and wanted <= set(environment_of(int(folder.name))):
            yield int(folder.name)


def environment_of(pid: int) -> list[bytes]:
    try:
        return (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:  # ended meanwhile, or another user's
        return []


def _identify_by_proc(pid: int) -> ProcessIdentity | None:
    folder = _PROC / str(pid)
    try:
        # The command in parentheses may hold spaces and parentheses of its own.
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    if fields[0] in {"Z", "X"}:
        return None
    return ProcessIdentity(pid, f"{boot}/{fields[19]}", command.strip())


def _identify_by_ps(pid: int) -> ProcessIdentity | None:
    line = subprocess.run(
        ["ps", "-ww", "-o", "lstart=,stat=,command=", "-p", str(pid)],
        capture_output=True,
        text=True,
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
        check=False,
    ).stdout.strip()
    words = line.split(maxsplit=6)
    if len(words) < 7 or words[5].startswith("Z"):
        return None
    return ProcessIdentity(pid, " ".join(words[:5]), words[6])
