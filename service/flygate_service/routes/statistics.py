"""`GET /_flygate/statistics`: the counters of this machine, for the rollout's judge."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from flygate_service.asgi.paths import OWN, STATISTICS
from flygate_service.metrics.statistics import Statistics
from flygate_service.middleware.guard import Guard


def statistics_route(statistics: Statistics, guard: Guard) -> Route:
    """The route, for those who have the key."""

    async def tell(_: Request, __: bytes) -> Response:
        return JSONResponse(statistics.snapshot(), headers={"cache-control": "no-store"})

    return Route(STATISTICS, guard.endpoint(OWN[STATISTICS], tell))
