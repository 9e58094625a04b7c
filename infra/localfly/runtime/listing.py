"""The processes of one group, as far as the system shows them (/proc)."""

import os
from dataclasses import dataclass
from pathlib import Path

from localfly.runtime.identity import HAS_PROC

_GROUP, _USER_TICKS, _SYSTEM_TICKS, _STARTED, _RESIDENT_PAGES = 2, 11, 12, 19, 21


@dataclass(frozen=True, slots=True)
class RunningProcess:
    pid: int
    command: str
    folder: str
    memory_bytes: int
    cpu_seconds: float
    started_ticks: int


def list_processes(group: int) -> list[RunningProcess]:
    """The group's processes, its leader first."""
    if not HAS_PROC:
        return []
    folders = sorted(
        (path for path in Path("/proc").iterdir() if path.name.isdecimal()),
        key=lambda path: int(path.name),
    )
    found = [process for path in folders if (process := _read(path, group))]
    return sorted(found, key=lambda process: process.pid != group)


def _read(path: Path, group: int) -> RunningProcess | None:
    try:
        fields = (path / "stat").read_text().rpartition(")")[2].split()
        if int(fields[_GROUP]) != group:
            return None
        ticks = int(fields[_USER_TICKS]) + int(fields[_SYSTEM_TICKS])
        return RunningProcess(
            pid=int(path.name),
            command=(path / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip(),
            folder=str((path / "cwd").readlink()),
            memory_bytes=int(fields[_RESIDENT_PAGES]) * os.sysconf("SC_PAGE_SIZE"),
            cpu_seconds=ticks / os.sysconf("SC_CLK_TCK"),
            started_ticks=int(fields[_STARTED]),
        )
    except OSError:  # ended meanwhile
        return None
