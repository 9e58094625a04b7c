"""Volumes (docs/fly-api.md 2.9): records that a client can keep; nothing is mounted."""

import secrets
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from localfly.api.dependencies import AppDep, CloudDep, Json
from localfly.network.regions import HOME_REGION
from localfly.timing.timestamp import rfc3339

router = APIRouter(prefix="/v1/apps/{app_name}/volumes", tags=["volumes"])


class NewVolume(BaseModel):
    name: str = Field(pattern=r"^[a-z0-9_]{1,30}$")
    region: str | None = None
    size_gb: int | None = Field(default=None, ge=1, le=500)
    encrypted: bool | None = None
    fstype: str | None = None
    snapshot_retention: int | None = None
    auto_backup_enabled: bool | None = None


class VolumeUpdate(BaseModel):
    snapshot_retention: int | None = None
    auto_backup_enabled: bool | None = None


class Extension(BaseModel):
    size_gb: int = Field(ge=1, le=500)


@router.get("")
async def list_volumes(cloud: CloudDep, app: AppDep) -> list[Json]:
    return list(cloud.volumes.of(app.name).values())


@router.post("")
async def create_volume(cloud: CloudDep, app: AppDep, body: NewVolume) -> Json:
    identifier = f"vol_{secrets.token_hex(8)}"
    record = _record(identifier, body, rfc3339(cloud.clock()))
    return cloud.volumes.put(app.name, identifier, record)


@router.get("/{volume_id}")
async def get_volume(cloud: CloudDep, app: AppDep, volume_id: str) -> Json:
    return cloud.volumes.get(app.name, volume_id)


@router.put("/{volume_id}")
async def update_volume(cloud: CloudDep, app: AppDep, volume_id: str, body: VolumeUpdate) -> Json:
    changes = body.model_dump(exclude_none=True)
    record = {**cloud.volumes.get(app.name, volume_id), **changes}
    return cloud.volumes.put(app.name, volume_id, record)


@router.put("/{volume_id}/extend")
async def extend_volume(cloud: CloudDep, app: AppDep, volume_id: str, body: Extension) -> Json:
    record = cloud.volumes.get(app.name, volume_id)
    grown = {**record, "size_gb": max(body.size_gb, record["size_gb"])}
    return {"volume": cloud.volumes.put(app.name, volume_id, grown), "needs_restart": False}


@router.delete("/{volume_id}")
async def delete_volume(cloud: CloudDep, app: AppDep, volume_id: str) -> Json:
    return {**cloud.volumes.delete(app.name, volume_id), "state": "pending_destroy"}


@router.get("/{volume_id}/snapshots")
async def list_snapshots(cloud: CloudDep, app: AppDep, volume_id: str) -> list[Any]:
    cloud.volumes.get(app.name, volume_id)
    return []


def _record(identifier: str, requested: NewVolume, now: str) -> Json:
    return {
        "id": identifier,
        "name": requested.name,
        "state": "created",
        "size_gb": requested.size_gb or 1,
        "region": requested.region or HOME_REGION,
        "zone": "local",
        "encrypted": requested.encrypted is not False,
        "attached_machine_id": None,
        "attached_alloc_id": None,
        "created_at": now,
        "host_status": "ok",
        "fstype": requested.fstype or "ext4",
        "snapshot_retention": requested.snapshot_retention or 5,
        "auto_backup_enabled": requested.auto_backup_enabled is not False,
    }
