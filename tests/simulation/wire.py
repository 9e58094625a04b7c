"""Carries the requests of our clients to the Fly in memory."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.simulation import api, proxy
from tests.simulation.call import Call, Reply
from tests.simulation.fly import PaperFly

Send = Callable[[Call], Awaitable[Reply]]
_PATIENCE = 15.0


class Wire(httpx.AsyncBaseTransport):
    """A transport of httpx whose other end is a function."""

    def __init__(self, send: Send) -> None:
        self._send = send

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Ask it."""
        call = Call(
            request.method,
            request.url.path,
            request.headers["host"],
            dict(request.url.params),
            request.headers,
            await request.aread(),
            request.extensions["timeout"].get("read") or _PATIENCE,
        )
        reply = await self._send(call)
        return httpx.Response(reply.status, headers=reply.headers, content=_content(reply))


class ShortWire:
    """What `fly/session.py` uses of `httpx.AsyncClient`, without what that does around a request.

    Three quarters of a simulated call would go into URLs, headers and cookies.
    """

    def __init__(self, send: Send) -> None:
        self._send = send

    async def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
        timeout: float = _PATIENCE,
    ) -> ShortResponse:
        """Send a request."""
        body = content if json is None else _encoded(json)
        parts = urlsplit(url)
        call = Call(method, parts.path, parts.netloc, params or {}, headers or {}, body, timeout)
        return ShortResponse(await self._send(call))

    async def aclose(self) -> None:
        """Nothing is open."""


class ShortResponse:
    """What `fly/session.py` reads of `httpx.Response`."""

    def __init__(self, reply: Reply) -> None:
        self.status_code = reply.status
        self.headers = reply.headers
        self.content = _content(reply)
        self.is_success = reply.status < 300

    @property
    def text(self) -> str:
        """The body."""
        return self.content.decode()

    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.content)


def to_api(fly: PaperFly) -> Send:
    """The Machines API, the releases API, GraphQL, the registry."""

    async def send(call: Call) -> Reply:
        return await api.answer(fly, call)

    return send


def to_proxy(fly: PaperFly) -> Send:
    """The public address of each app."""

    async def send(call: Call) -> Reply:
        app = fly.apps.get(call.host.partition(".")[0])
        return proxy.answer(app, call) if app else Reply(404)

    return send


def _content(reply: Reply) -> bytes:
    return b"" if reply.body is None else _encoded(reply.body)


def _encoded(body: Any) -> bytes:
    return json.dumps(body).encode()
