"""The service's start and end, as the server sees them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from flygate_service.asgi.lifespan import Lifespan
from flygate_service.asgi.messages import App, Message
from flygate_service.asgi.readiness import Readiness
from starlette.applications import Starlette

from tests.service.apps import bare


@pytest.mark.parametrize("app", [Starlette(), bare])
async def test_the_server_hears_of_the_end_when_all_has_ended(app: App) -> None:
    """It ends the process then: what machines hand over at their end would be cut off."""
    steps: list[str] = []
    to_app: asyncio.Queue[Message] = asyncio.Queue()

    @asynccontextmanager
    async def resources() -> AsyncIterator[None]:
        yield
        await asyncio.sleep(0)
        steps.append("resources left")

    async def send(message: Message) -> None:
        steps.append(message["type"])

    readiness = Readiness()
    await to_app.put({"type": "lifespan.startup"})
    await to_app.put({"type": "lifespan.shutdown"})
    await Lifespan(app, readiness, resources)({"type": "lifespan"}, to_app.get, send)

    assert readiness.started
    assert steps == [
        "lifespan.startup.complete",
        "resources left",
        "lifespan.shutdown.complete",
    ]
