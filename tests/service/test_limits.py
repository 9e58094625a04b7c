"""Limits inside an application: dependencies, WebSockets, refunds, and what clients see of them."""

from types import SimpleNamespace
from typing import Annotated, Any

import http_sf
import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Request, WebSocket, WebSocketDisconnect
from flygate_limiter import (
    SLIDING_WINDOW,
    FakeClock,
    Limiter,
    LimiterError,
    MemoryStore,
    Networks,
    Policy,
    PolicySet,
    parse,
)
from flygate_service.asgi.messages import App
from flygate_service.asgi.route_name import route_name
from flygate_service.limits import (
    LimitExceeded,
    counted_by_windows,
    limit,
    problem_response,
    refund,
)
from flygate_service.middleware.rate_limit import RateLimitMiddleware
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Mount
from starlette.routing import Route as StarletteRoute

from tests.support.asgi_socket import connect


def limited(quota: str = "100/m") -> App:
    """The application under one policy, in a time that stands still."""
    limits = Limiter(PolicySet((Policy("default", parse(quota)),)), MemoryStore(clock=FakeClock()))
    return RateLimitMiddleware(api(), limits)


def browser(app: App) -> httpx.AsyncClient:
    """A client of the application."""
    transport = httpx.ASGITransport(app, client=("192.0.2.1", 1))
    return httpx.AsyncClient(transport=transport, base_url="http://test")


def api() -> FastAPI:
    """An application with limits of its own."""
    app = FastAPI()
    app.add_exception_handler(LimitExceeded, problem_response)
    messages = limit("2/m", name="messages")

    @app.get("/items/{item}", dependencies=[Depends(limit("2/m"))])
    async def items(item: str) -> str:
        return item

    @app.get("/other", dependencies=[Depends(limit("2/m"))])
    async def other() -> str:
        return "other"

    @app.get("/free")
    async def free(request: Request) -> str:
        await refund(request)
        return "free"

    @app.websocket("/guarded")
    async def guarded(socket: WebSocket, _: Annotated[None, Depends(limit("1/m"))]) -> None:
        await socket.accept()

    @app.websocket("/talk")
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        try:
            while True:
                text = await socket.receive_text()
                verdict = await messages.check(socket)
                await socket.send_text(text if verdict.allowed else "slow down")
        except WebSocketDisconnect:
            return

    return app


async def test_allow_is_never_limited() -> None:
    """Who is in `allow` meets no limit of the application's own, either; others do."""
    policies = PolicySet((Policy("default", parse("100/m")),), allow=Networks(["192.0.2.1"]))
    app = RateLimitMiddleware(api(), Limiter(policies, MemoryStore(clock=FakeClock())))
    async with browser(app) as client:
        own = [(await client.get("/other")).status_code for _ in range(5)]
    transport = httpx.ASGITransport(app, client=("192.0.2.2", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        others = [(await client.get("/other")).status_code for _ in range(3)]

    assert own == [200] * 5
    assert others == [200, 200, 429]


async def test_a_dependency() -> None:
    """A route has a limit of its own, by its template; the answer is a problem with a wait."""
    async with browser(limited()) as client:
        answers = [await client.get(f"/items/{n}") for n in range(3)]
        other = await client.get("/other")

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].headers["content-type"] == "application/problem+json"
    assert answers[2].json()["violated-policies"] == ["limit.get.items.-item-"]
    assert answers[2].headers["retry-after"] == "30"
    assert other.status_code == 200


def many_routes() -> App:
    """Routes that look alike: by method, by template, included twice, mounted twice."""

    def items(path: str = "/a/{item}") -> FastAPI:
        app = FastAPI()
        one = [Depends(limit("1/m"))]
        app.get(path, dependencies=one)(lambda item: item)
        app.post(path, dependencies=one)(lambda item: item)
        app.get("/a-{item}", dependencies=one)(lambda item: item)
        router = APIRouter()
        router.get("/x", dependencies=one)(lambda: "x")
        app.include_router(router, prefix="/v1")
        app.include_router(router, prefix="/v2")
        return app

    async def plain(request: Request) -> Response:
        verdict = await plain_limit.check(request)
        return Response(status_code=200 if verdict.allowed else 429)

    plain_limit, twice = limit("1/m"), items()
    return Starlette(
        routes=[
            Mount("/one", twice),
            Mount("/two", twice),
            Mount("/tenants/{tenant}", items()),
            Mount("/plain", routes=[StarletteRoute("/x", plain), StarletteRoute("/y", plain)]),
            StarletteRoute("/x", plain),
        ]
    )


async def test_each_route_has_a_bucket_of_its_own() -> None:
    """By methods, mount and template, whatever the framework, and by nothing of the path."""
    inner = ["GET /a/7", "POST /a/7", "GET /a-7", "GET /v1/x", "GET /v2/x"]
    mounts = ["/one", "/two", "/tenants/acme"]
    routes = [route.replace(" ", f" {mount}") for mount in mounts for route in inner]
    routes += ["GET /plain/x", "GET /plain/y", "GET /x"]
    app = RateLimitMiddleware(many_routes(), Limiter(PolicySet(()), MemoryStore(clock=FakeClock())))
    async with browser(app) as client:
        first = [(await client.request(*route.split())).status_code for route in routes]
        again = [(await client.request(*route.split())).status_code for route in routes]
        other_values = ["/one/a/8", "/one/a-8", "/tenants/other/a/7", "/tenants/a/v1/x"]
        others = [(await client.get(path)).status_code for path in other_values]

    assert first == [200] * len(routes)
    assert again == [429] * len(routes)
    assert others == [429] * len(other_values)


async def test_two_limits_of_one_route() -> None:
    """Each takes one unit of its own bucket, and has a name of its own."""
    app = FastAPI()
    app.add_exception_handler(LimitExceeded, problem_response)
    limits = [Depends(limit("2/m")), Depends(limit("2/m"))]
    app.get("/x", dependencies=limits)(lambda: "x")
    async with browser(
        RateLimitMiddleware(app, Limiter(PolicySet(()), MemoryStore(clock=FakeClock())))
    ) as client:
        answers = [await client.get("/x") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].json()["violated-policies"] == ["limit.get.x"]


@given(
    st.lists(
        st.text(st.sampled_from("ab_-.~A1{}:/"), max_size=8).map(lambda text: f"/{text}"),
        min_size=2,
        max_size=2,
        unique=True,
    )
)
def test_no_two_routes_have_one_name(paths: list[str]) -> None:
    """Whatever is in their templates, names differ, and can be a policy's."""

    def name(path: str) -> str:
        return route_name({"type": "http", "route": SimpleNamespace(path=path, methods={"GET"})})

    assert name(paths[0]) != name(paths[1])
    assert all(Policy(name(path), parse("1/s")) for path in paths)


@pytest.mark.parametrize(
    "wrong", [{"name": "My limit"}, {"cost": 6}, {"cost": 0}, {"quota": "5/fortnight"}]
)
def test_a_limit_that_makes_no_sense_is_refused_where_it_is_made(wrong: dict[str, Any]) -> None:
    """A mistake ends the start, and is not the first client's 500."""
    with pytest.raises(LimiterError):
        limit(**{"quota": "5/m", **wrong})


@pytest.mark.parametrize(
    "wrong", [{"quota": "40000/s"}, {"quota": "5/m burst 10", "cost": 7}], ids=str
)
async def test_what_a_window_cannot_count_is_refused(wrong: dict[str, Any]) -> None:
    """Where the limit is made as the service is built; later before any request passes by it."""
    with counted_by_windows(True), pytest.raises(LimiterError):
        limit(**wrong)

    app = FastAPI()
    app.get("/x", dependencies=[Depends(limit(**wrong))])(lambda: "x")
    store = MemoryStore(clock=FakeClock(), algorithm=SLIDING_WINDOW)
    async with browser(RateLimitMiddleware(app, Limiter(PolicySet(()), store))) as client:
        with pytest.raises(LimiterError):
            await client.get("/x")


async def test_headers_are_structured_fields() -> None:
    """A parser that we did not write reads the fields, with the draft's names and types."""
    async with browser(limited("60/m burst 3")) as client:
        headers = (await client.get("/other")).headers

    policies = http_sf.parse(headers["ratelimit-policy"].encode(), tltype="list")
    states = http_sf.parse(headers["ratelimit"].encode(), tltype="list")

    assert policies == [("default", {"q": 3, "w": 3})]
    assert states == [("default", {"r": 2, "t": 1})]


async def test_a_refund() -> None:
    """What is given back is there again, however often it is asked for."""
    async with browser(limited("2/m")) as client:
        statuses = [(await client.get("/free")).status_code for _ in range(5)]

    assert statuses == [200] * 5


async def test_a_handshake_is_limited() -> None:
    """A client over its limit gets the problem instead of a WebSocket."""
    app = limited("1/m")
    async with connect(app, "/talk") as socket:
        accepted = await socket.next()
    async with connect(app, "/talk") as socket:
        refused = await socket.next()
        body = await socket.next()
    async with connect(app, "/talk", with_answers=False) as socket:
        closed = await socket.next()

    assert accepted["type"] == "websocket.accept"
    assert dict(accepted["headers"])[b"ratelimit"] == b'"default";r=0;t=60'
    assert refused["status"] == 429
    assert dict(refused["headers"])[b"retry-after"] == b"60"
    assert b"violated-policies" in body["body"]
    assert closed == {"type": "websocket.close", "code": 1008}


async def test_a_handshake_with_a_dependency() -> None:
    """A dependency refuses a handshake with the code for a violated policy."""
    app = limited()
    async with connect(app, "/guarded") as socket:
        first = await socket.next()
    async with connect(app, "/guarded") as socket:
        second = await socket.next()

    assert first["type"] == "websocket.accept"
    assert second["type"] == "websocket.close"
    assert second["code"] == 1008


async def test_messages_are_limited() -> None:
    """An open WebSocket is asked for each message."""
    async with connect(limited(), "/talk") as socket:
        await socket.next()
        answers = [await socket.ask(text) for text in ("one", "two", "three")]

    assert answers == ["one", "two", "slow down"]
