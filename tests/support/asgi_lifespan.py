"""The lifespan of an ASGI application in this process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from flygate_service.asgi.messages import App, Message

_SECONDS = 10.0


@asynccontextmanager
async def started(app: App) -> AsyncIterator[None]:
    """Start an application, and shut it down at the end of the context."""
    to_app: asyncio.Queue[Message] = asyncio.Queue()
    from_app: asyncio.Queue[Message] = asyncio.Queue()
    await to_app.put({"type": "lifespan.startup"})
    running = asyncio.ensure_future(app({"type": "lifespan"}, to_app.get, from_app.put))
    try:
        async with asyncio.timeout(_SECONDS):
            assert (await from_app.get())["type"] == "lifespan.startup.complete"
        yield
        await to_app.put({"type": "lifespan.shutdown"})
        async with asyncio.timeout(_SECONDS):
            await running
    finally:
        running.cancel()
