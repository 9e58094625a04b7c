"""The API of the local Fly: one router per noun, mounted here."""

from fastapi import FastAPI

from infra.local.api import (
    actions,
    apps,
    images,
    ips,
    leases,
    logs,
    machines,
    metadata,
    platform,
    ps,
    secrets,
    status,
    wait,
)
from infra.local.api.failures import install_failure_handlers
from infra.local.api.gate import Gate
from infra.local.cloud import HOME_REGION, Cloud
from infra.local.graphql import endpoint
from infra.local.ids import RequestIds

_NOUNS = (
    *(apps, machines, actions, ps, wait, leases, metadata, secrets, ips),
    *(images, logs, platform, status, endpoint),
)


def build_api(cloud: Cloud, proxy_url: str) -> FastAPI:
    """The ASGI application; a JSON document in, a JSON document out."""
    api = FastAPI(title="Local Fly", docs_url="/_docs", redoc_url=None, openapi_url="/_openapi")
    api.state.cloud = cloud
    api.state.proxy_url = proxy_url
    for noun in _NOUNS:
        api.include_router(noun.router)
    install_failure_handlers(api)
    api.add_middleware(Gate, request_ids=RequestIds(HOME_REGION))
    return api
