"""A WebSocket client for an ASGI application in this process."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from flygate_service.asgi.messages import App, Message


class Socket:
    """What a client sends and gets."""

    def __init__(self) -> None:
        """Nothing sent yet."""
        self.to_app: asyncio.Queue[Message] = asyncio.Queue()
        self.from_app: asyncio.Queue[Message] = asyncio.Queue()

    async def ask(self, text: str) -> str:
        """Send a text, and give the answer."""
        await self.to_app.put({"type": "websocket.receive", "text": text})
        return str((await self.next())["text"])

    async def next(self) -> Message:
        """The next message of the application."""
        return await asyncio.wait_for(self.from_app.get(), 5)


@asynccontextmanager
async def connect(
    app: App,
    path: str,
    *,
    with_answers: bool = True,
    headers: Sequence[tuple[bytes, bytes]] = (),
) -> AsyncIterator[Socket]:
    """Shake hands; the first message of the socket is the application's answer to that.

    Args:
        app: the application.
        path: where to connect.
        with_answers: whether the server can refuse with an HTTP answer.
        headers: of the handshake.
    """
    socket = Socket()
    scope: dict[str, Any] = {
        "type": "websocket",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "scheme": "ws",
        "query_string": b"",
        "headers": list(headers),
        "subprotocols": [],
        "client": ("192.0.2.1", 1),
        "server": ("test", 80),
        "extensions": {"websocket.http.response": {}} if with_answers else {},
    }
    await socket.to_app.put({"type": "websocket.connect"})
    running = asyncio.ensure_future(app(scope, socket.to_app.get, socket.from_app.put))
    try:
        yield socket
    finally:
        await socket.to_app.put({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait([running], timeout=5)
        running.cancel()
