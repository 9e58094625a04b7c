"""Applications to be wrapped: tests name them in SERVICE_APP."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from flygate_service.asgi.messages import App, Receive, Scope, Send
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket


def make_app() -> Starlette:
    """An application with a lifespan, a slow answer, a stream, and a word on who called."""
    seen: list[str] = []

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        seen.append("started")
        yield
        print('{"event": "wrapped application stopped"}', flush=True)

    async def state(request: Request) -> Response:
        assert request.client is not None
        return JSONResponse({"seen": seen, "client": request.client.host})

    async def slow(_: Request) -> Response:
        print('{"event": "slow request began"}', flush=True)
        await asyncio.sleep(1.2)
        return Response("done")

    async def stream(_: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            for number in range(50):
                yield b"%03d\n" % number

        return StreamingResponse(parts())

    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text("hello")
        await socket.close()

    routes = [
        Route("/state", state),
        Route("/slow", slow),
        Route("/stream", stream),
        WebSocketRoute("/talk", talk),
        WebSocketRoute("/echo", echo),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


async def echo(socket: WebSocket) -> None:
    """Say which machine this is, then what is said."""
    await socket.accept()
    await socket.send_text(os.environ.get("FLY_MACHINE_ID", ""))
    async for text in socket.iter_text():
        await socket.send_text(text)


def cors_app() -> Starlette:
    """An application that lets pages of this computer, and of one shop, read its answers."""

    async def hello(_: Request) -> Response:
        return Response("hello")

    async def hold(_: Request) -> Response:
        await asyncio.sleep(0.5)
        return Response("held")

    return Starlette(
        routes=[
            Route("/hello", hello, methods=["GET", "POST"]),
            Route("/hold", hold),
        ],
        middleware=[
            Middleware(
                CORSMiddleware,
                allow_origin_regex=r"http://localhost:\d+|https://shop\.example",
                allow_methods=["GET", "POST"],
                allow_headers=["x-token"],
                allow_credentials=True,
            )
        ],
    )


class Bare:
    """An application that knows HTTP and nothing else."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 200."""
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"bare"})


bare: App = Bare()
