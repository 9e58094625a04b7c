"""The platform's regions (docs/fly-api.md 5.1)."""

from typing import Final

from localfly.graphql.resolvers import ResolverMap, constant
from localfly.network.regions import HOME_REGION, REGIONS

_HOME: Final = next(region for region in REGIONS if region.code == HOME_REGION)

RESOLVERS: Final[ResolverMap] = {
    "Queries": {
        "platform": constant({"requestRegion": HOME_REGION, "regions": REGIONS}),
        "nearestRegion": constant(_HOME),
    },
    "Region": {
        "gatewayAvailable": constant(True),
        "requiresPaidPlan": constant(False),
        "deprecated": constant(False),
    },
}
