"""Leases of machines (docs/fly-api.md 2.8)."""

from fastapi import APIRouter, Request
from pydantic import BaseModel

from localfly.api.dependencies import OK, CloudDep, Json, LivingDep, Nonce
from localfly.api.documents import lease_json
from localfly.machines.leases import DEFAULT_TTL_SECONDS, acquire, current_lease, owner_of, release

router = APIRouter(prefix="/v1/apps/{app_name}/machines/{machine_id}/lease", tags=["leases"])


class LeaseBody(BaseModel):
    ttl: int | None = None
    description: str = ""


@router.get("")
async def get_lease(cloud: CloudDep, machine: LivingDep) -> Json:
    return lease_json(current_lease(machine.machine, cloud.clock()))


@router.post("", status_code=201)
async def take_lease(
    request: Request,
    cloud: CloudDep,
    machine: LivingDep,
    body: LeaseBody | None = None,
    ttl: int | None = None,
    nonce: Nonce = None,
) -> Json:
    requested = body or LeaseBody()
    seconds = ttl or requested.ttl or DEFAULT_TTL_SECONDS
    owner = owner_of(request.headers.get("authorization", ""))
    record = machine.machine
    lease = acquire(record, nonce, seconds, owner, requested.description, cloud.clock())
    machine.save()
    return lease_json(lease)


@router.delete("")
async def give_lease_back(cloud: CloudDep, machine: LivingDep, nonce: Nonce = None) -> Json:
    release(machine.machine, nonce, cloud.clock())
    machine.save()
    return OK
