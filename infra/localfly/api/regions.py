"""The platform's regions (docs/fly-api.md 2.11)."""

from typing import Any, Final

from fastapi import APIRouter
from pydantic import BaseModel, Field

from localfly.api.dependencies import Json
from localfly.network.regions import HOME_REGION, REGIONS, Region

router = APIRouter(prefix="/v1/platform", tags=["platform"])

_CODES: Final = frozenset(region.code for region in REGIONS)


class Placement(BaseModel):
    org_slug: str
    region: str | None = None
    count: int = Field(default=1, ge=1)
    compute: dict[str, Any] | None = None


@router.get("/regions")
async def list_regions() -> Json:
    return {"nearest": HOME_REGION, "regions": [_region_json(region) for region in REGIONS]}


@router.post("/placements")
async def find_placements(body: Placement) -> Json:
    """Place all machines in the first region of the request: one computer takes them all."""
    requested = [code for code in (body.region or "any").split(",") if code in _CODES]
    region = requested[0] if requested else HOME_REGION
    return {"regions": [{"region": region, "count": body.count, "concurrency": body.count}]}


def _region_json(region: Region) -> Json:
    return {
        "code": region.code,
        "name": region.name,
        "latitude": region.latitude,
        "longitude": region.longitude,
        "gateway_available": True,
        "requires_paid_plan": False,
        "deprecated": False,
        "geo_region": region.area,
        "mpg_available": False,
    }
