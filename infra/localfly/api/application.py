"""The ASGI application of the API: one router per noun, mounted here."""

from typing import Final

from fastapi import FastAPI

from localfly.api import (
    actions,
    apps,
    builds,
    certificates,
    graphql,
    images,
    ips,
    leases,
    logs,
    machines,
    memory,
    metadata,
    metrics,
    oidc,
    organizations,
    ps,
    regions,
    releases,
    secretkeys,
    secrets,
    status,
    tokens,
    volumes,
    wait,
)
from localfly.api.access import AccessControl
from localfly.api.error_handlers import install_failure_handlers
from localfly.api.rate_limits import RateLimitMiddleware, RateLimits
from localfly.cloud import Cloud
from localfly.faults.injector import FaultInjector
from localfly.faults.router import FaultControls, faults_router
from localfly.network.regions import HOME_REGION
from localfly.page.router import PageFeed, page_router
from localfly.proxy.stats import Stats
from localfly.timing.ulid import RequestIds

_NOUNS: Final = (
    *(apps, machines, actions, ps, memory, wait, leases, metadata, secrets, ips, secretkeys),
    *(volumes, certificates, organizations, tokens, oidc, regions, builds, releases, logs),
    *(images, status, metrics, graphql),
)


def build_api(
    cloud: Cloud,
    proxy_url: str,
    stats: Stats,
    feed: PageFeed,
    limits: RateLimits | None = None,
    faults: FaultControls | None = None,
) -> FastAPI:
    """Return the ASGI application.

    Args:
        stats: what the proxy counts.
        feed: what the status page shows.
        limits: how often each action may be requested, as on Fly; None: without a limit.
        faults: the faults that can be injected; None: none.
    """
    api = FastAPI(
        title="Local Fly",
        docs_url=None,
        redoc_url=None,
        openapi_url="/_openapi",
        redirect_slashes=False,
    )
    api.state.cloud = cloud
    api.state.proxy_url = proxy_url
    api.state.stats = stats
    for noun in _NOUNS:
        api.include_router(noun.router)
    api.include_router(page_router(feed))
    install_failure_handlers(api)
    if limits:
        api.add_middleware(RateLimitMiddleware, limits=limits)
    if faults:
        api.include_router(faults_router(faults))
        api.add_middleware(FaultInjector, faults=faults.faults)
    api.add_middleware(
        AccessControl, request_ids=RequestIds(HOME_REGION), tokens=cloud.tokens, clock=cloud.clock
    )
    return api
