"""`GET /_flygate/statistics`: the counters of this machine, for the rollout's judge."""

from __future__ import annotations

from flygate_wire.own_paths import OWN_PATHS, STATISTICS
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from flygate_service.asgi.authenticator import Authenticator
from flygate_service.metrics.statistics import Statistics


def statistics_route(statistics: Statistics, authenticator: Authenticator) -> Route:
    """Return the route, for those who have the key."""

    async def tell(_: Request, __: bytes) -> Response:
        return JSONResponse(statistics.snapshot(), headers={"cache-control": "no-store"})

    return Route(STATISTICS, authenticator.endpoint(OWN_PATHS[STATISTICS], tell))
