"""Metadata of machines (docs/fly-api.md 2.5): written without a lease, a restart, a new version."""

from dataclasses import replace

from fastapi import APIRouter, Response
from pydantic import BaseModel

from localfly.api.dependencies import Json, LivingDep, MachineDep
from localfly.errors import FailedPreconditionError, NotFoundError
from localfly.machines.lifecycle import Lifecycle

router = APIRouter(prefix="/v1/apps/{app_name}/machines/{machine_id}/metadata", tags=["metadata"])


class MetadataPatch(BaseModel):
    metadata: dict[str, str | None]
    machine_version: str | None = None


class MetadataValue(BaseModel):
    value: str


@router.get("")
async def get_metadata(machine: MachineDep) -> Json:
    return dict(machine.machine.config.metadata)


@router.patch("", status_code=204)
@router.put("", status_code=204)
async def patch_metadata(machine: LivingDep, body: MetadataPatch) -> Response:
    version = machine.machine.instance_id
    if body.machine_version not in {None, "", version}:
        raise FailedPreconditionError(
            f"failed_precondition: machine version mismatch: it is {version}, "
            f"the request is for {body.machine_version}"
        )
    _write(machine, body.metadata)
    return Response(status_code=204)


@router.get("/{key}")
async def get_value(machine: MachineDep, key: str) -> Json:
    value = machine.machine.config.metadata.get(key)
    if value is None:
        raise NotFoundError(f"metadata key {key} not found")
    return {"value": value}


@router.post("/{key}", status_code=204)
async def set_value(machine: LivingDep, key: str, body: MetadataValue) -> Response:
    _write(machine, {key: body.value})
    return Response(status_code=204)


@router.delete("/{key}", status_code=204)
async def delete_value(machine: LivingDep, key: str) -> Response:
    _write(machine, {key: None})
    return Response(status_code=204)


def _write(machine: Lifecycle, changes: dict[str, str | None]) -> None:
    """Set metadata; None and an empty text remove a key."""
    record = machine.machine
    merged = {**record.config.metadata, **changes}
    metadata = {key: value for key, value in merged.items() if value}
    record.config = replace(record.config, raw={**record.config.raw, "metadata": metadata})
    machine.save()
