"""The processes of a machine, and where they listen (docs/fly-api.md 2.5)."""

from typing import Final

from fastapi import APIRouter

from localfly.api.dependencies import Json, MachineDep
from localfly.processes.listing import ListeningSocket, list_processes

router = APIRouter(prefix="/v1/apps/{app_name}/machines/{machine_id}", tags=["machines"])

_EVERYWHERE: Final = "0.0.0.0"  # noqa: S104 (a text for clients; nothing is bound to it)


@router.get("/ps")
async def processes(machine: MachineDep) -> list[Json]:
    record = machine.machine
    found = list_processes(record.process.pid) if record.process else []
    return [
        {
            "pid": process.pid,
            "command": process.command,
            "directory": process.folder,
            "rss": process.memory_bytes,
            "cpu": process.cpu_seconds,
            "rtime": int(process.cpu_seconds * 1000),
            "stime": process.started_ticks,
            "listen_sockets": [_socket_json(one, record.address) for one in process.sockets],
        }
        for process in found
    ]


def _socket_json(listening: ListeningSocket, own_address: str) -> Json:
    """Show the machine's only address as 0.0.0.0, which is what flyctl looks for."""
    address = _EVERYWHERE if listening.address == own_address else listening.address
    return {"proto": listening.protocol, "address": f"{address}:{listening.port}"}
