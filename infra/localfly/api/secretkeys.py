"""Secret keys (docs/fly-api.md 2.4): a key is used by its name, and never read.

Bytes are lists of numbers in answers, as Fly's OpenAPI document has them, which Go's clients read
as well; a request may have base64, which they send.
"""

import binascii
from base64 import b64decode
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, BeforeValidator, Field

from localfly.api.dependencies import AppDep, CloudDep, Json
from localfly.apps import secret_key
from localfly.apps.app import App
from localfly.apps.secret_key_store import SecretKey
from localfly.cloud import Cloud
from localfly.timing.timestamp import rfc3339

router = APIRouter(prefix="/v1/apps/{app_name}/secretkeys", tags=["secretkeys"])


def _octets(found: object) -> object:
    if not isinstance(found, str):
        return found or []
    try:
        return list(b64decode(found, validate=True))
    except binascii.Error as exc:
        raise ValueError(f"must be a list of numbers or base64: {exc}") from exc


Octets = Annotated[list[Annotated[int, Field(ge=0, le=255)]], BeforeValidator(_octets)]


class NewKey(BaseModel):
    type: str
    value: Octets = []


class Plain(BaseModel):
    plaintext: Octets = []
    associated_data: Octets = []


class Sealed(BaseModel):
    ciphertext: Octets = []
    associated_data: Octets = []


class Signed(BaseModel):
    plaintext: Octets = []
    signature: Octets = []


@router.get("")
async def list_keys(cloud: CloudDep, app: AppDep, min_version: int = 0, types: str = "") -> Json:
    wanted = set(filter(None, types.split(",")))
    found = cloud.secret_keys.of(app.name, min_version).values()
    keys = [_document(cloud, key) for key in found if not wanted or key.kind in wanted]
    return {"secret_keys": keys}


@router.get("/{name}")
async def get_key(cloud: CloudDep, app: AppDep, name: str, min_version: int = 0) -> Json:
    return _document(cloud, cloud.secret_keys.get(app.name, name, min_version))


@router.post("/{name}", status_code=201)
async def set_key(cloud: CloudDep, app: AppDep, name: str, body: NewKey) -> Json:
    return _changed(cloud, app, cloud.secret_keys.put(app.name, name, body.type, bytes(body.value)))


@router.post("/{name}/generate", status_code=201)
async def generate_key(cloud: CloudDep, app: AppDep, name: str, body: NewKey) -> Json:
    return _changed(cloud, app, cloud.secret_keys.put(app.name, name, body.type, None))


@router.delete("/{name}")
async def delete_key(cloud: CloudDep, app: AppDep, name: str) -> Json:
    cloud.secret_keys.delete(app.name, name)
    version = cloud.secret_keys.version(app.name)
    return {"version": version, "Version": version}


@router.post("/{name}/encrypt")
async def encrypt(
    cloud: CloudDep, app: AppDep, name: str, body: Plain, min_version: int = 0
) -> Json:
    kind, key = _key(cloud, app, name, min_version)
    plain, associated = bytes(body.plaintext), bytes(body.associated_data)
    return {"ciphertext": list(secret_key.encrypt(kind, key, plain, associated))}


@router.post("/{name}/decrypt")
async def decrypt(
    cloud: CloudDep, app: AppDep, name: str, body: Sealed, min_version: int = 0
) -> Json:
    kind, key = _key(cloud, app, name, min_version)
    sealed, associated = bytes(body.ciphertext), bytes(body.associated_data)
    return {"plaintext": list(secret_key.decrypt(kind, key, sealed, associated))}


@router.post("/{name}/sign")
async def sign(cloud: CloudDep, app: AppDep, name: str, body: Plain, min_version: int = 0) -> Json:
    kind, key = _key(cloud, app, name, min_version)
    return {"signature": list(secret_key.sign(kind, key, bytes(body.plaintext)))}


@router.post("/{name}/verify", status_code=204)
async def verify(
    cloud: CloudDep, app: AppDep, name: str, body: Signed, min_version: int = 0
) -> Response:
    kind, key = _key(cloud, app, name, min_version)
    secret_key.verify(kind, key, bytes(body.plaintext), bytes(body.signature))
    return Response(status_code=204)


def _key(cloud: Cloud, app: App, name: str, min_version: int) -> tuple[str, bytes]:
    found = cloud.secret_keys.get(app.name, name, min_version)
    return found.kind, cloud.secret_keys.value(found)


def _changed(cloud: Cloud, app: App, key: SecretKey) -> Json:
    version = cloud.secret_keys.version(app.name)
    return {**_document(cloud, key), "version": version, "Version": version}


def _document(cloud: Cloud, key: SecretKey) -> Json:
    public = secret_key.public_key(key.kind, cloud.secret_keys.value(key))
    return {
        "name": key.name,
        "type": key.kind,
        "created_at": rfc3339(key.created_at),
        "updated_at": rfc3339(key.updated_at),
        **({"public_key": list(public)} if public else {}),
    }
