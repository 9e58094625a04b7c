"""Organizations, as flyctl reads them, and all machines of one (docs/fly-api.md 2.11, 2.12)."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from localfly.accounts.organization import Organization
from localfly.api.dependencies import CloudDep, Json
from localfly.api.documents import machine_json
from localfly.api.machines import ListQuery, matching, page_of
from localfly.timing.timestamp import rfc3339

router = APIRouter(tags=["organizations"])


class VolumeQuery(BaseModel):
    """The filters of a list of volumes."""

    region: str = ""
    state: str = ""  # one or several, with commas
    limit: int = Field(default=1000, ge=1, le=1000)
    cursor: str = ""  # from an earlier answer

    def matches(self, volume: Json) -> bool:
        states = set(filter(None, self.state.split(",")))
        return self.region in {"", volume["region"]} and (not states or volume["state"] in states)


@router.get("/api/v1/organizations")
async def list_organizations(cloud: CloudDep, admin: bool = False) -> Json:
    found = map(Organization, cloud.organizations())
    return {"organizations": [organization_document(one) for one in found]}


@router.get("/api/v1/organizations/{slug}")
async def get_organization(slug: str) -> Json:
    return {"organization": organization_document(Organization(slug))}


@router.get("/v1/orgs/{slug}/machines")
async def list_machines(
    cloud: CloudDep, slug: str, requested: Annotated[ListQuery, Query()]
) -> Json:
    apps = cloud.apps.list(slug)
    found = [machine for app in apps for machine in matching(cloud, app, requested, {})]
    page, cursor = page_of(found, requested.limit, requested.cursor)
    newest = max((machine.machine.updated_at for machine in page), default=0.0)
    return {
        "machines": [
            {**machine_json(machine, summary=requested.summary), "app_name": machine.machine.app}
            for machine in page
        ],
        "last_machine_id": page[-1].machine.id if page else "",
        "last_updated_at": rfc3339(newest),
        "next_cursor": cursor,
        "error_regions": [],
    }


@router.get("/v1/orgs/{slug}/volumes")
async def list_volumes(
    cloud: CloudDep, slug: str, requested: Annotated[VolumeQuery, Query()]
) -> Json:
    found = [
        {**cloud.attachments.shown(volume), "app_name": app.name}
        for app in cloud.apps.list(slug)
        for volume in cloud.volumes.of(app.name).values()
        if requested.matches(volume)
    ]
    found.sort(key=lambda volume: volume["id"])
    later = [volume for volume in found if volume["id"] > requested.cursor]
    page = later[: requested.limit]
    last = page[-1]["id"] if page else ""
    return {
        "volumes": page,
        "last_volume_id": last,
        "last_updated_at": max((one.get("updated_at", "") for one in page), default=""),
        "next_cursor": last if len(later) > len(page) else "",
        "error_regions": [],
    }


def organization_document(organization: Organization) -> Json:
    return {
        "id": organization.id,
        "internal_numeric_id": organization.number,
        "slug": organization.slug,
        "raw_slug": organization.slug,
        "name": organization.name,
        "personal": organization.is_personal,
        "paid_plan": True,
        "billable": True,
        "billing_status": "current",
        "provisions_beta_extensions": False,
        "remote_builder_image": "",
    }
