"""Fly's metric series, to be scraped (outside Fly's paths; on Fly they are in its Prometheus)."""

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse

from localfly.api.dependencies import CloudDep
from localfly.proxy.exposition import CONTENT_TYPE, exposition
from localfly.proxy.stats import Stats

router = APIRouter(tags=["status"])


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(request: Request, cloud: CloudDep) -> PlainTextResponse:
    stats: Stats = request.app.state.stats
    text = exposition(stats, cloud.fleet.all_machines(), cloud.state_id[:4])
    return PlainTextResponse(text, media_type=CONTENT_TYPE)
