"""The memory limit of a running machine (docs/fly-api.md 2.5)."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from localfly.api.dependencies import HeldDep, Json, MachineDep
from localfly.machines.lifecycle import Lifecycle

router = APIRouter(prefix="/v1/apps/{app_name}/machines/{machine_id}/memory", tags=["machines"])


class MemoryLimit(BaseModel):
    limit_mb: int = Field(ge=1)


@router.get("")
async def get_memory(machine: MachineDep) -> Json:
    return _document(machine)


@router.put("")
async def set_memory(machine: HeldDep, body: MemoryLimit) -> Json:
    machine.limit_memory(body.limit_mb)
    return _document(machine)


@router.post("/reclaim")
async def reclaim_memory(machine: HeldDep) -> Json:
    """Reclaim nothing: a process can't be made to give memory back."""
    return {"actual_mb": 0}


def _document(machine: Lifecycle) -> Json:
    return {"limit_mb": machine.memory_limit_mb, "available_mb": machine.memory_limit_mb}
