"""The releases API that flyctl writes to (docs/fly-api.md 2.12); GraphQL shows the same records."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from localfly.accounts.user import USER
from localfly.api.dependencies import AppDep, CloudDep, Json
from localfly.apps.release import Release
from localfly.errors import NotFoundError
from localfly.timing.timestamp import rfc3339

router = APIRouter(prefix="/api/v1", tags=["releases"])


class NewRelease(BaseModel):
    app_name: str
    image: str
    strategy: str = ""
    build_id: int = 0
    definition: dict[str, Any] | None = None


class ReleasePatch(BaseModel):
    status: str | None = None
    metadata: Any = None


@router.post("/releases", status_code=201)
async def create_release(cloud: CloudDep, body: NewRelease) -> Json:
    release = cloud.releases.create(
        cloud.apps.get(body.app_name).name,
        strategy=body.strategy,
        image_ref=body.image,
        definition=body.definition or {},
        user=USER.email,
    )
    return {"release": release_json(release)}


@router.get("/releases/all_current")
async def all_current(cloud: CloudDep) -> Json:
    found = (cloud.releases.current(app.name) for app in cloud.apps.list())
    return {release.app: rfc3339(release.created_at) for release in found if release}


@router.patch("/releases/{release_id}")
async def update_release(cloud: CloudDep, release_id: str, body: ReleasePatch) -> Json:
    release = cloud.releases.get(release_id)
    cloud.releases.update(release, body.status, body.metadata)
    return release_json(release)


@router.get("/apps/{app_name}/releases")
async def list_releases(
    cloud: CloudDep, app: AppDep, limit: Annotated[int, Query(ge=1, le=200)] = 25
) -> Json:
    return {"releases": [release_json(one) for one in cloud.releases.of(app.name)[:limit]]}


@router.get("/apps/{app_name}/releases/current")
async def current_release(cloud: CloudDep, app: AppDep) -> Json:
    current = cloud.releases.current(app.name)
    if current is None:
        raise NotFoundError(f"app {app.name} has no release yet")
    return release_json(current)


def release_json(release: Release) -> Json:
    return {
        "id": release.id,
        "version": release.version,
        "status": release.status,
        "stable": release.stable,
        "in_progress": release.in_progress,
        "strategy": release.strategy,
        "user": release.user,
        "image_ref": release.image_ref,
        "created_at": rfc3339(release.created_at),
    }
