"""The processes of a machine (FLY.md 2.5)."""

from fastapi import APIRouter

from infra.local.api.deps import Json, MachineDep
from infra.local.runtime.listing import list_processes

router = APIRouter(prefix="/v1/apps/{app_name}/machines/{machine_id}", tags=["machines"])


@router.get("/ps")
async def processes(machine: MachineDep) -> list[Json]:
    identity = machine.machine.process
    found = list_processes(identity.pid) if identity else []
    return [
        {
            "pid": process.pid,
            "command": process.command,
            "directory": process.folder,
            "rss": process.memory_bytes,
            "cpu": process.cpu_seconds,
            "rtime": int(process.cpu_seconds * 1000),
            "stime": process.started_ticks,
            "listen_sockets": [],
        }
        for process in found
    ]
