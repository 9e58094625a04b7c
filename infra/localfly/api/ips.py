"""IP assignments (docs/fly-api.md 2.3): records only, the local proxy serves apps by name."""

from fastapi import APIRouter, Response
from pydantic import BaseModel

from localfly.api.dependencies import AppDep, CloudDep, Json
from localfly.api.documents import ip_json

router = APIRouter(prefix="/v1/apps/{app_name}/ip_assignments", tags=["ips"])


class AssignIp(BaseModel):
    type: str
    region: str | None = ""
    service_name: str | None = ""


@router.get("")
async def list_ips(app: AppDep) -> Json:
    return {"ips": [ip_json(ip) for ip in app.ips]}


@router.post("")
async def assign_ip(cloud: CloudDep, app: AppDep, body: AssignIp) -> Json:
    region, service = body.region or "", body.service_name or ""
    if body.type == "egress_pair":
        v4 = cloud.apps.assign_ip(app, "egress_v4", region, service)
        v6 = cloud.apps.assign_ip(app, "egress_v6", region, service)
        return {"ip_pair": {"v4": v4.ip, "v6": v6.ip}}
    return ip_json(cloud.apps.assign_ip(app, body.type, region, service))


@router.delete("/{ip}", status_code=204)
async def release_ip(cloud: CloudDep, app: AppDep, ip: str) -> Response:
    cloud.apps.release_ip(app, ip)
    return Response(status_code=204)
