"""Limits inside an application: dependencies, WebSockets, refunds, and what clients see of them."""

from typing import Annotated

import http_sf
import httpx
from fastapi import Depends, FastAPI, Request, WebSocket, WebSocketDisconnect

from service.asgi import App
from service.limit import LimitExceeded, limit, problem_response, refund
from service.limiter import FakeClock, Limiter, MemoryStore, Policy, PolicySet, parse
from service.middleware.rate_limit import RateLimitMiddleware
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


async def test_a_dependency() -> None:
    """A route has a limit of its own, by its template; the answer is a problem with a wait."""
    async with browser(limited()) as client:
        answers = [await client.get(f"/items/{n}") for n in range(3)]
        other = await client.get("/other")

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].headers["content-type"] == "application/problem+json"
    assert answers[2].json()["violated-policies"] == ["limit.-items-item"]
    assert answers[2].headers["retry-after"] == "30"
    assert other.status_code == 200


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
