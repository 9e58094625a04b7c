"""The middleware in front of applications of every kind, without a server."""

import gc

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount

from service.asgi import App, Message, Receive, Scope, Send
from service.limiter import FakeClock, Limiter, MemoryStore, Policy, PolicySet, parse
from service.middleware.rate_limit import RateLimitMiddleware


def limited(app: App, quota: str) -> httpx.AsyncClient:
    """A client of an application under one policy."""
    limits = Limiter(PolicySet((Policy("default", parse(quota)),)), MemoryStore(clock=FakeClock()))
    transport = httpx.ASGITransport(RateLimitMiddleware(app, limits), client=("192.0.2.1", 1))
    return httpx.AsyncClient(transport=transport, base_url="http://test")


def fastapi_app() -> App:
    """An application whose routes come from an included router."""
    router = APIRouter()

    @router.get("/items/{item_id}")
    async def item(item_id: int) -> dict[str, int]:
        return {"id": item_id}

    api = FastAPI()
    api.include_router(router, prefix="/v1")
    return api


@pytest.mark.parametrize("mounted", [False, True])
async def test_limits_included_and_mounted_routes(mounted: bool) -> None:
    """Routes behind include_router or a mount are limited (slowapi 0.1 misses them)."""
    api = fastapi_app()
    app: App = Starlette(routes=[Mount("/sub", app=api)]) if mounted else api
    path = "/sub/v1/items/{}" if mounted else "/v1/items/{}"
    async with limited(app, "3/m") as client:
        statuses = [(await client.get(path.format(n))).status_code for n in range(5)]

    assert statuses == [200, 200, 200, 429, 429]


async def test_the_application_is_not_called_when_refused() -> None:
    """A refused request costs the application nothing."""
    calls = 0
    inner = fastapi_app()

    async def counting(scope, receive, send):  # type: ignore[no-untyped-def]
        nonlocal calls
        calls += 1
        await inner(scope, receive, send)

    async with limited(counting, "1/m") as client:
        for _ in range(5):
            await client.get("/v1/items/1")

    assert calls == 1


async def test_a_head_request_is_refused_too() -> None:
    """The method makes no difference."""
    async with limited(fastapi_app(), "1/m") as client:
        await client.get("/v1/items/1")
        answer = await client.head("/v1/items/1")

    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "60"


async def test_headers_of_the_application_stay() -> None:
    """The fields are added, and none is replaced or given twice."""
    async with limited(fastapi_app(), "5/m") as client:
        answer = await client.get("/v1/items/1")

    assert answer.headers["content-type"] == "application/json"
    assert answer.headers.get_list("ratelimit") == ['"default";r=4;t=12']


async def test_leaves_nothing_to_the_garbage_collector() -> None:
    """A request makes no ring of references: collecting those would cost more than the limiter."""
    limits = Limiter(PolicySet((Policy("default", parse("9/s")),)), MemoryStore())

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(_: Message) -> None:
        return None

    async def receive() -> Message:
        return {"type": "http.request"}

    middleware = RateLimitMiddleware(app, limits)
    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            scope: Scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
            scope["client"] = None
            await middleware(scope, receive, send)
            del scope
        found = gc.collect()
    finally:
        gc.enable()

    assert found == 0
