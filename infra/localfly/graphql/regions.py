"""The platform's regions (docs/fly-api.md 5.1)."""

from localfly.graphql.world import Json, World
from localfly.regions import HOME_REGION, REGIONS, Region


def queries(_: World) -> Json:
    return {
        "platform": {
            "requestRegion": HOME_REGION,
            "regions": [region_document(region) for region in REGIONS],
        },
        "nearestRegion": lambda _, **__: region_of(HOME_REGION),
    }


def region_of(code: str) -> Json:
    return region_document(next(region for region in REGIONS if region.code == code))


def region_document(region: Region) -> Json:
    return {
        "code": region.code,
        "name": region.name,
        "latitude": region.latitude,
        "longitude": region.longitude,
        "gatewayAvailable": True,
        "requiresPaidPlan": False,
        "deprecated": False,
    }
