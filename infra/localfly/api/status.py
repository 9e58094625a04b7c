"""The daemon's apps and machines (outside Fly's paths), for `flygate local status`."""

from fastapi import APIRouter, Request

from localfly.api.dependencies import CloudDep, Json
from localfly.apps.app import App
from localfly.cloud import Cloud
from localfly.machines.lifecycle import Lifecycle

router = APIRouter(prefix="/_status", tags=["status"])


@router.get("")
async def status(request: Request, cloud: CloudDep) -> Json:
    apps = [_app_json(cloud, app, request.app.state.proxy_url) for app in cloud.apps.list()]
    return {"images": len(cloud.images.digests()), "apps": apps}


def _app_json(cloud: Cloud, app: App, proxy_url: str) -> Json:
    machines = [_machine_json(machine) for machine in cloud.fleet.list(app.name)]
    url = proxy_url.replace("127.0.0.1", f"{app.name}.localhost")
    return {"name": app.name, "status": app.status, "url": url, "machines": machines}


def _machine_json(machine: Lifecycle) -> Json:
    record = machine.machine
    return {
        "id": record.id,
        "name": record.name,
        "state": record.state,
        "region": record.region,
        "address": record.address,
        "cordoned": record.cordoned,
        "pid": record.process and record.process.pid,
        "checks": {check.name: check.status for check in machine.checks},
        "release": record.config.metadata.get("flygate_release", ""),
    }
