"""Applications to be wrapped: tests name them in SERVICE_APP."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from service.asgi import App, Receive, Scope, Send


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


class Bare:
    """An application that knows HTTP and nothing else."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 200."""
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"bare"})


bare: App = Bare()
