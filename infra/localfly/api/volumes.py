"""Volumes and their snapshots (docs/fly-api.md 2.9): folders, each for one machine at most."""

from dataclasses import fields
from typing import Any, Final

from fastapi import APIRouter
from pydantic import BaseModel, Field

from localfly.api.dependencies import AppDep, CloudDep, Json
from localfly.apps.volume import LARGEST_GB, NewVolume

router = APIRouter(prefix="/v1/apps/{app_name}/volumes", tags=["volumes"])

_SIZE: Final = Field(ge=1, le=LARGEST_GB)


class VolumeBody(BaseModel):
    """A create; what only says where on Fly's hosts the volume goes is taken and not used."""

    name: str = Field(pattern=r"^[a-z0-9_]{1,30}$")
    region: str | None = None
    size_gb: int | None = Field(default=None, ge=1, le=LARGEST_GB)
    encrypted: bool | None = None
    fstype: str | None = None
    snapshot_retention: int | None = None
    auto_backup_enabled: bool | None = None
    snapshot_id: str | None = None
    source_volume_id: str | None = None
    require_unique_zone: bool | None = None
    unique_zone_app_wide: bool | None = None
    compute: dict[str, Any] | None = None
    compute_image: str | None = None

    def requested(self) -> NewVolume:
        return NewVolume(**{one.name: getattr(self, one.name) for one in fields(NewVolume)})


class VolumeUpdate(BaseModel):
    snapshot_retention: int | None = None
    auto_backup_enabled: bool | None = None


class Extension(BaseModel):
    size_gb: int = _SIZE


@router.get("")
async def list_volumes(cloud: CloudDep, app: AppDep) -> list[Json]:
    return [cloud.attachments.shown(volume) for volume in cloud.volumes.of(app.name).values()]


@router.post("")
async def create_volume(cloud: CloudDep, app: AppDep, body: VolumeBody) -> Json:
    still = cloud.attachments.stillness(body.source_volume_id or "")
    return await cloud.volumes.create(app.name, body.requested(), still)


@router.get("/{volume_id}")
async def get_volume(cloud: CloudDep, app: AppDep, volume_id: str) -> Json:
    return cloud.attachments.shown(cloud.volumes.get(app.name, volume_id))


@router.put("/{volume_id}")
async def update_volume(cloud: CloudDep, app: AppDep, volume_id: str, body: VolumeUpdate) -> Json:
    changes = body.model_dump(exclude_none=True)
    return cloud.attachments.shown(cloud.volumes.update(app.name, volume_id, changes))


@router.put("/{volume_id}/extend")
async def extend_volume(cloud: CloudDep, app: AppDep, volume_id: str, body: Extension) -> Json:
    grown = cloud.volumes.extend(app.name, volume_id, body.size_gb)
    return {"volume": cloud.attachments.shown(grown), "needs_restart": False}


@router.delete("/{volume_id}")
async def delete_volume(cloud: CloudDep, app: AppDep, volume_id: str) -> Json:
    cloud.volumes.get(app.name, volume_id)
    cloud.attachments.check_free(volume_id)
    return {**cloud.volumes.delete(app.name, volume_id), "state": "pending_destroy"}


@router.get("/{volume_id}/snapshots")
async def list_snapshots(cloud: CloudDep, app: AppDep, volume_id: str) -> list[Json]:
    return cloud.volumes.snapshots(app.name, volume_id)


@router.post("/{volume_id}/snapshots")
async def create_snapshot(cloud: CloudDep, app: AppDep, volume_id: str) -> Json:
    still = cloud.attachments.stillness(volume_id)
    return await cloud.volumes.snapshot(app.name, volume_id, still)
