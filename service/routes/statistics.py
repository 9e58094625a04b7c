"""`GET /_flygate/statistics`: the counters of this machine, for the rollout's judge."""

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from service.signature import Signatures
from service.statistics import Statistics

STATISTICS: Final = "/_flygate/statistics"


def statistics_route(statistics: Statistics, signatures: Signatures | None) -> Route:
    """The route. Without a key nobody can sign, and there is nothing to be found."""

    async def tell(request: Request) -> Response:
        if signatures is None:
            return JSONResponse({"error": "FLYGATE_KEY is not set"}, 404)
        if signatures.nonce(request.scope) is None:
            return JSONResponse({"error": "a valid signature is needed"}, 401)
        return JSONResponse(statistics.snapshot(), headers={"cache-control": "no-store"})

    return Route(STATISTICS, tell)
