"""The processes of one group, and where they listen (docs/fly-api.md 2.5)."""

import socket
from dataclasses import dataclass

import psutil

from localfly.processes.identity import group_of, started_ticks


@dataclass(frozen=True, slots=True)
class ListeningSocket:
    protocol: str
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class RunningProcess:
    pid: int
    command: str
    folder: str
    memory_bytes: int
    cpu_seconds: float
    started_ticks: int
    sockets: tuple[ListeningSocket, ...]


def list_processes(group: int) -> list[RunningProcess]:
    """Return the group's processes, its leader first."""
    found = [process for pid in pids_of_group(group) if (process := _describe(pid))]
    return sorted(found, key=lambda process: (process.pid != group, process.pid))


def pids_of_group(group: int) -> list[int]:
    return [pid for pid in psutil.pids() if group_of(pid) == group]


def _describe(pid: int) -> RunningProcess | None:
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            times = process.cpu_times()
            return RunningProcess(
                pid=pid,
                command=" ".join(process.cmdline()).strip(),
                folder=process.cwd(),
                memory_bytes=process.memory_info().rss,
                cpu_seconds=times.user + times.system,
                started_ticks=started_ticks(process),
                sockets=_listening(process),
            )
    except (psutil.Error, OSError):  # it ended meanwhile
        return None


def _listening(process: psutil.Process) -> tuple[ListeningSocket, ...]:
    found = (
        ListeningSocket(
            "tcp" if connection.family == socket.AF_INET else "tcp6",
            connection.laddr.ip,
            connection.laddr.port,
        )
        for connection in process.net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN
    )
    return tuple(sorted(found, key=lambda one: (one.protocol, one.address, one.port)))
