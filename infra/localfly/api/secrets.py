"""App secrets (docs/fly-api.md 2.4)."""

from fastapi import APIRouter
from pydantic import BaseModel

from localfly.api.dependencies import AppDep, CloudDep, Json
from localfly.api.documents import secret_json
from localfly.apps.secret_store import Secret
from localfly.cloud import Cloud

router = APIRouter(prefix="/v1/apps/{app_name}/secrets", tags=["secrets"])


class SecretValues(BaseModel):
    values: dict[str, str | None]


class SecretValue(BaseModel):
    value: str


@router.get("")
async def list_secrets(
    cloud: CloudDep,
    app: AppDep,
    show_secrets: bool = False,
    min_version: int | None = None,
    version: int | None = None,
) -> Json:
    found = cloud.secrets.of(app.name, min_version or version)
    return {"secrets": [_document(cloud, s, show_secrets) for s in found.secrets.values()]}


@router.post("")
async def update_secrets(cloud: CloudDep, app: AppDep, body: SecretValues) -> Json:
    changed = cloud.secrets.update(app.name, body.values)
    secrets = [secret_json(secret) for secret in changed.secrets.values()]
    return {"secrets": secrets, "version": changed.version, "Version": changed.version}


@router.get("/{name}")
async def get_secret(
    cloud: CloudDep,
    app: AppDep,
    name: str,
    show_secrets: bool = False,
    min_version: int | None = None,
) -> Json:
    return _document(cloud, cloud.secrets.get(app.name, name, min_version), show_secrets)


@router.post("/{name}", status_code=201)
async def set_secret(cloud: CloudDep, app: AppDep, name: str, body: SecretValue) -> Json:
    changed = cloud.secrets.update(app.name, {name: body.value})
    version = changed.version
    return {**secret_json(changed.secrets[name]), "version": version, "Version": version}


@router.delete("/{name}")
async def delete_secret(cloud: CloudDep, app: AppDep, name: str) -> Json:
    cloud.secrets.get(app.name, name)
    version = cloud.secrets.update(app.name, {name: None}).version
    return {"version": version, "Version": version}


def _document(cloud: Cloud, secret: Secret, show_secrets: bool) -> Json:
    document = secret_json(secret)
    return {**document, "value": cloud.secrets.value(secret)} if show_secrets else document
