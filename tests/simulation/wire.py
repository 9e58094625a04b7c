"""Carries the requests of our clients to the Fly in memory."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.simulation import api, proxy
from tests.simulation.call import Call, Told
from tests.simulation.fly import PaperFly

Send = Callable[[Call], Awaitable[Told]]
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
        told = await self._send(call)
        return httpx.Response(told.status, headers=told.headers, content=_content(told))


class ShortWire:
    """What a session of ours uses of `httpx.AsyncClient`, without what that does around a request.

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
    ) -> Reply:
        """Ask it."""
        body = content if json is None else _encoded(json)
        parts = urlsplit(url)
        call = Call(method, parts.path, parts.netloc, params or {}, headers or {}, body, timeout)
        return Reply(await self._send(call))

    async def aclose(self) -> None:
        """Nothing is open."""


class Reply:
    """What a session of ours reads of `httpx.Response`."""

    def __init__(self, told: Told) -> None:
        self.status_code = told.status
        self.headers = told.headers
        self.content = _content(told)
        self.is_success = told.status < 300

    @property
    def text(self) -> str:
        """The body."""
        return self.content.decode()

    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.content)


def to_api(fly: PaperFly) -> Send:
    """The Machines API, the releases API, GraphQL, the registry."""

    async def send(call: Call) -> Told:
        return await api.answer(fly, call)

    return send


def to_proxy(fly: PaperFly) -> Send:
    """The public address of each app."""

    async def send(call: Call) -> Told:
        app = fly.apps.get(call.host.partition(".")[0])
        return proxy.answer(app, call) if app else Told(404)

    return send


def _content(told: Told) -> bytes:
    return b"" if told.body is None else _encoded(told.body)


def _encoded(body: Any) -> bytes:
    return json.dumps(body).encode()
