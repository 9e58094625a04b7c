"""Builds, as flyctl announces them before it deploys (docs/fly-api.md 2.12). The local Fly builds
nothing.
"""

from fastapi import APIRouter
from pydantic import BaseModel

from localfly.api.dependencies import CloudDep, Json
from localfly.errors import NotFoundError

router = APIRouter(prefix="/api/v1/builds", tags=["builds"])


class StartedBuild(BaseModel):
    app_name: str


class FinishedBuild(BaseModel):
    app_name: str
    build_id: int
    status: str = ""


@router.post("")
async def start_build(cloud: CloudDep, body: StartedBuild) -> Json:
    build = cloud.builds.start(cloud.apps.get(body.app_name).name)
    return {"id": build, "status": "started", "wallclock_time_ms": 0}


@router.post("/finish")
async def finish_build(cloud: CloudDep, body: FinishedBuild) -> Json:
    if cloud.builds.app_of(body.build_id) != cloud.apps.get(body.app_name).name:
        raise NotFoundError(f"build {body.build_id} not found")
    return {"id": body.build_id, "status": body.status, "wallclock_time_ms": 0}
