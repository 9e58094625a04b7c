"""Serves the page: three files, and a stream of snapshots (server-sent events)."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response, StreamingResponse

from localfly.page.snapshot import Snapshots

_FOLDER: Final = Path(__file__).parent
_TYPES: Final = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
_SECONDS: Final = 1.0
PAGE_PATHS: Final = ("/", "/_page/page.css", "/_page/page.js", "/_page/events")
# The page needs nothing from other places, and shows names that others may have chosen.
_POLICY: Final = (
    "default-src 'self'; img-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


class PageFeed:
    """The streams to all viewers. They end when the daemon begins to end."""

    def __init__(self, new_snapshots: Callable[[], Snapshots]) -> None:
        self._new_snapshots = new_snapshots
        self._is_closing = asyncio.Event()

    def close(self) -> None:
        self._is_closing.set()

    async def stream(self) -> AsyncIterator[str]:
        """Send a snapshot at once, and then one a second."""
        snapshots = self._new_snapshots()
        yield "retry: 500\n\n"
        while not self._is_closing.is_set():
            document = json.dumps(snapshots.take(time.monotonic()), separators=(",", ":"))
            yield f"data: {document}\n\n"
            await self._pause()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(_SECONDS):
                await self._is_closing.wait()
        except TimeoutError:
            return


def page_router(feed: PageFeed) -> APIRouter:
    router = APIRouter(tags=["status"], include_in_schema=False)

    @router.get("/")
    async def page() -> Response:
        return _file("index.html")

    @router.get("/_page/page.css")
    async def style() -> Response:
        return _file("page.css")

    @router.get("/_page/page.js")
    async def script() -> Response:
        return _file("page.js")

    @router.get("/_page/events")
    async def events() -> StreamingResponse:
        headers = {"cache-control": "no-store"}
        return StreamingResponse(feed.stream(), media_type="text/event-stream", headers=headers)

    return router


def _file(name: str) -> Response:
    headers = {"cache-control": "no-cache", "content-security-policy": _POLICY}
    kind = _TYPES[name.rpartition(".")[2]]
    return Response((_FOLDER / name).read_bytes(), media_type=kind, headers=headers)
