"""Certificates (docs/fly-api.md 2.10): records of host names. The local proxy speaks plain HTTP, so
none is ever issued.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from localfly.api.dependencies import AppDep, CloudDep, Json
from localfly.timing.timestamp import rfc3339

router = APIRouter(prefix="/v1/apps/{app_name}/certificates", tags=["certificates"])

_HOSTNAME: Final = r"^(\*\.)?([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z]{2,63}$"


class Acme(BaseModel):
    hostname: str = Field(pattern=_HOSTNAME, max_length=253)


class Custom(Acme):
    fullchain: str
    private_key: str  # never kept


@router.get("")
async def list_certificates(
    cloud: CloudDep,
    app: AppDep,
    filter: str = "",  # noqa: A002 (the parameter's name)
    cursor: str = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 25,
) -> Json:
    found = [c for name, c in cloud.certificates.of(app.name).items() if filter in name]
    later = [c for c in found if c["hostname"] > cursor]
    later.sort(key=lambda certificate: certificate["hostname"])
    cursor = later[limit - 1]["hostname"] if len(later) > limit else ""
    return {"certificates": later[:limit], "next_cursor": cursor, "total_count": len(found)}


@router.post("/acme", status_code=201)
async def add_acme(cloud: CloudDep, app: AppDep, body: Acme) -> Json:
    record = _record(body.hostname, rfc3339(cloud.clock()), acme=True)
    return cloud.certificates.put(app.name, body.hostname, record)


@router.post("/custom", status_code=201)
async def add_custom(cloud: CloudDep, app: AppDep, body: Custom) -> Json:
    record = _record(body.hostname, rfc3339(cloud.clock()), acme=False)
    return cloud.certificates.put(app.name, body.hostname, record)


@router.get("/{hostname}")
async def get_certificate(cloud: CloudDep, app: AppDep, hostname: str) -> Json:
    return cloud.certificates.get(app.name, hostname)


@router.post("/{hostname}/check")
async def check_certificate(cloud: CloudDep, app: AppDep, hostname: str) -> Json:
    return cloud.certificates.get(app.name, hostname)


@router.delete("/{hostname}", status_code=204)
async def delete_certificate(cloud: CloudDep, app: AppDep, hostname: str) -> Response:
    cloud.certificates.delete(app.name, hostname)
    return Response(status_code=204)


@router.delete("/{hostname}/acme")
@router.delete("/{hostname}/custom")
async def delete_one_kind(cloud: CloudDep, app: AppDep, hostname: str) -> Json:
    return cloud.certificates.delete(app.name, hostname)


def _record(hostname: str, now: str, *, acme: bool) -> Json:
    return {
        "hostname": hostname,
        "acme_requested": acme,
        "configured": False,
        "status": "pending",
        "created_at": now,
        "certificates": [],
        "dns_requirements": {},
        "validation": {},
    }
