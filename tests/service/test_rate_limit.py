"""The middleware in front of applications of every kind, without a server."""

import asyncio
import gc
import re

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from flygate_limiter import FakeClock, Limiter, MemoryStore, Policy, PolicySet, parse
from flygate_service.asgi.messages import App, Message, Receive, Scope, Send
from flygate_service.middleware.rate_limit import RateLimitMiddleware
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Mount


def limited(app: App, quota: str) -> httpx.AsyncClient:
    """A client of an application under one policy."""
    return client_of(middleware(app, quota), "192.0.2.1")


def middleware(app: App, quota: str) -> RateLimitMiddleware:
    """An application under one policy, whose time stands still."""
    limits = Limiter(PolicySet((Policy("default", parse(quota)),)), MemoryStore(clock=FakeClock()))
    return RateLimitMiddleware(app, limits)


def client_of(app: App, address: str) -> httpx.AsyncClient:
    """One who asks from an address."""
    transport = httpx.ASGITransport(app, client=(address, 1))
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


async def test_unknown_paths_are_limited() -> None:
    """Asking for what does not exist costs as much as what does (slowapi 0.1: nothing)."""
    async with limited(fastapi_app(), "2/m") as client:
        statuses = [(await client.get(f"/nothing/{n}")).status_code for n in range(4)]

    assert statuses == [404, 404, 429, 429]


async def test_a_path_parameter_makes_no_bucket() -> None:
    """Twenty ids are one client's twenty requests (slowapi 0.1 gives each id a bucket)."""
    async with limited(fastapi_app(), "2/m") as client:
        statuses = [(await client.get(f"/v1/items/{n}")).status_code for n in range(20)]

    assert statuses.count(200) == 2


async def test_each_client_has_a_bucket_of_its_own() -> None:
    """One client's requests refuse no other's (fastapi-limiter 0.2 counts them together)."""
    app = middleware(fastapi_app(), "2/5s")
    addresses = ["192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.1"]

    statuses = []
    for address in addresses:
        async with client_of(app, address) as client:
            statuses.append((await client.get("/v1/items/1")).status_code)

    assert statuses == [200, 200, 200, 200, 429]


async def test_fields_are_whole_numbers_from_now() -> None:
    """No field has a fraction or an absolute time (slowapi 0.1: an epoch with seven digits)."""
    async with limited(fastapi_app(), "7/m burst 3") as client:
        answers = [await client.get("/v1/items/1") for _ in range(5)]

    for answer in answers:
        found = re.fullmatch(r'"default";r=(\d+);t=(\d+)', answer.headers["ratelimit"])
        assert found is not None
        assert int(found[2]) <= 60
    assert answers[-1].headers["retry-after"].isdecimal()


async def test_a_stream_arrives_whole_and_at_once() -> None:
    """A streamed answer is neither cut nor held back (slowapi 0.1's ASGI middleware cuts it)."""
    sent: list[Message] = []
    went_on = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number in range(3):
            await send({"type": "http.response.body", "body": b"%d" % number, "more_body": True})
            assert len(sent) == number + 2
        await send({"type": "http.response.body", "body": b"."})
        went_on.set()

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    scope: Scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "client": None}
    await middleware(app, "9/s")(scope, receive, send)

    assert went_on.is_set()
    assert b"".join(message.get("body", b"") for message in sent) == b"012."


async def test_a_response_sent_twice_keeps_its_own_headers() -> None:
    """The fields are not written into what the application holds and sends again."""
    ready = Response("ready")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await ready(scope, receive, send)

    async with limited(app, "9/m") as client:
        answers = [await client.get("/") for _ in range(3)]

    assert [len(answer.headers.get_list("ratelimit")) for answer in answers] == [1, 1, 1]
    assert "ratelimit" not in ready.headers


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
