"""The last stop before the application: the service's own paths, and the count of answers."""

from __future__ import annotations

from collections.abc import Sequence

from flygate_wire.own_paths import is_internal
from starlette.responses import JSONResponse
from starlette.routing import Route, Router

from flygate_service.asgi.messages import POLICY_VIOLATION, App, Receive, Scope, Send
from flygate_service.metrics.answer import Answer
from flygate_service.metrics.statistics import Statistics, chooses_its_machine


class Dispatch:
    """Answers the service's own paths, hands all others on, and counts how they were answered.

    What is below `/_flygate/` and none of our paths is 404; the application does not see it.

    Args:
        app: the application.
        routes: what is in front of it.
        statistics: where answers are counted.
        uncounted: paths of machines, not of users. Fly's checks would be most of a quiet service's
            requests, and are always quick and well.

    Attributes:
        router: answers the own paths, uncounted.
    """

    def __init__(
        self, app: App, routes: Sequence[Route], statistics: Statistics, uncounted: frozenset[str]
    ) -> None:
        """Put `routes` in front of `app`."""
        self._app = app
        self.router = Router(routes)
        self._paths = frozenset(route.path for route in routes)
        self._statistics = statistics
        self._uncounted = uncounted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Dispatch by path."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        path, app = scope["path"], self._app
        is_request = scope["type"] == "http"
        if is_request and path in self._paths:
            app = self.router
        elif is_internal(path):
            await refuse_path(scope, receive, send)
            return
        if not is_request or path in self._uncounted or chooses_its_machine(scope["headers"]):
            await app(scope, receive, send)
            return
        answer = Answer(self._statistics, scope, receive, send)
        try:
            await app(scope, answer.receive, answer.send)
        except Exception as exc:
            answer.failed(exc)
            raise
        finally:
            answer.ended()


async def refuse_path(scope: Scope, receive: Receive, send: Send) -> None:
    """Say that there is nothing at a path, to a request or to a handshake."""
    if scope["type"] == "http":
        await JSONResponse({"error": "there is nothing here"}, 404)(scope, receive, send)
        return
    await receive()  # the handshake must be asked for before it can be refused
    await send({"type": "websocket.close", "code": POLICY_VIOLATION})
