"""The platform's regions (FLY.md 2.11)."""

from fastapi import APIRouter

from infra.local.api.deps import Json
from infra.local.cloud import HOME_REGION
from infra.local.regions import REGIONS, Region

router = APIRouter(prefix="/v1/platform", tags=["platform"])


@router.get("/regions")
async def list_regions() -> Json:
    return {"nearest": HOME_REGION, "regions": [_region_json(region) for region in REGIONS]}


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
    }
