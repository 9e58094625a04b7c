"""A connection to Fly that loses some requests, or their answers."""

from __future__ import annotations

from collections.abc import Callable

import httpx
from flygate.fly.client import FlyClient

Matches = Callable[[httpx.Request], bool]
MakeClient = Callable[["Loses"], FlyClient]


class Loses(httpx.AsyncBaseTransport):
    """Brings requests to Fly; the first of a kind gets lost, or its answer does.

    Args:
        matches: the requests of that kind.
        arrives: Fly gets the request, and only its answer is lost.

    Attributes:
        asked: how many there were of the kind.
    """

    def __init__(self, matches: Matches, *, arrives: bool) -> None:
        self._inner = httpx.AsyncHTTPTransport()
        self._matches = matches
        self._arrives = arrives
        self.asked = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Forward, or not, and perhaps forget the answer."""
        if not self._matches(request):
            return await self._inner.handle_async_request(request)
        self.asked += 1
        if self.asked > 1:
            return await self._inner.handle_async_request(request)
        if self._arrives:
            answer = await self._inner.handle_async_request(request)
            await answer.aread()
            await answer.aclose()
        raise httpx.ReadError("connection reset by peer")

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()
