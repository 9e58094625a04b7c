"""Apps (docs/fly-api.md 2.2)."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import AliasChoices, BaseModel, Field

from localfly.api.dependencies import AppDep, CloudDep, Json
from localfly.api.documents import app_json

router = APIRouter(prefix="/v1/apps", tags=["apps"])


class CreateApp(BaseModel):
    # Fly's docs call it app_name, its OpenAPI document and flyctl name.
    name: str = Field(validation_alias=AliasChoices("name", "app_name"))
    org_slug: str
    network: str = ""
    idempotency_key: str | None = None


@router.get("")
async def list_apps(
    cloud: CloudDep,
    org_slug: str,
    limit: Annotated[int, Query(ge=1, le=5000)] = 5000,
    cursor: str = "",
) -> Json:
    apps = sorted(cloud.apps.list(org_slug), key=lambda app: app.name)
    later = [app for app in apps if app.name > cursor]
    next_cursor = later[limit - 1].name if len(later) > limit else ""
    page = [app_json(app, cloud) for app in later[:limit]]
    return {"total_apps": len(apps), "apps": page, "next_cursor": next_cursor}


@router.post("", status_code=201)
async def create_app(cloud: CloudDep, body: CreateApp) -> Json:
    app = cloud.apps.create(body.name, body.org_slug, body.network, body.idempotency_key)
    # The OpenAPI document has the first and the last field only; flyctl reads the name as well.
    return {**app_json(app, cloud), "created_at": int(app.created_at * 1000)}


@router.get("/{app_name}")
async def get_app(cloud: CloudDep, app: AppDep) -> Json:
    return app_json(app, cloud)


@router.delete("/{app_name}")
async def delete_app(cloud: CloudDep, app: AppDep) -> Response:
    await cloud.delete_app(app)
    return Response(status_code=202)
