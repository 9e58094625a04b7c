"""Injects faults into requests to the API."""

import asyncio
from typing import Any, Final, cast

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from localfly.faults.active_faults import ActiveFaults
from localfly.faults.fault import Fault, Kind

_ABORT: Final = "flygate.abort"
_OWN_PATHS: Final = ("/_faults", "/_page")  # the controls of faults, and the status page, have none


class AbortableProtocol(HttpToolsProtocol):
    """uvicorn's protocol; it also gives the application a way to cut the connection."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        cast("dict[str, Any]", self.scope)[_ABORT] = self.transport.abort


class FaultInjector:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, faults: ActiveFaults) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_ours = scope["type"] != "http" or scope["path"].startswith(_OWN_PATHS)
        fault = None if is_ours else self._faults.hit(scope["method"], scope["path"])
        if fault is None:
            await self._app(scope, receive, send)
            return
        await asyncio.sleep(fault.seconds)
        await self._suffer(fault, scope, receive, send)

    async def _suffer(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.kind is Kind.SLOW:
            await self._app(scope, receive, send)
        elif fault.kind is Kind.FAIL:
            document = {"error": fault.error, "status": "unknown"}
            wait = fault.retry_after
            headers = {} if wait is None else {"retry-after": str(wait)}
            await JSONResponse(document, fault.status, headers)(scope, receive, send)
        else:
            if fault.kind is Kind.LOSE:
                await self._app(scope, receive, _nowhere)
            await _cut(scope, receive)


async def _nowhere(_: Message) -> None:
    """Lose an answer."""


async def _cut(scope: Scope, receive: Receive) -> None:
    scope[_ABORT]()
    while (await receive())["type"] != "http.disconnect":
        pass
