"""The last stop before the application: the service's own paths, and the count of answers."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from time import perf_counter_ns
from typing import Final

from starlette.responses import JSONResponse
from starlette.routing import Route, Router

from .asgi import App, Message, Receive, Scope, Send
from .paths import is_internal
from .statistics import Statistics

# Where it stands that a request was cut off: by its client's fault, whatever the application says.
CUT_OFF: Final = "flygate.cut_off"
_POLICY_VIOLATION: Final = 1008


class OwnPaths:
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
        if not is_request or path in self._uncounted:
            await app(scope, receive, send)
            return
        answer = _Answer(self._statistics, scope, send)
        try:
            await app(scope, receive, answer.send)
        except Exception:
            answer.failed()
            raise


async def refuse_path(scope: Scope, receive: Receive, send: Send) -> None:
    """Say that there is nothing at a path, to a request or to a handshake."""
    if scope["type"] == "http":
        await JSONResponse({"error": "there is nothing here"}, 404)(scope, receive, send)
        return
    await receive()  # the handshake must be asked for before it can be refused
    await send({"type": "websocket.close", "code": _POLICY_VIOLATION})


class _Answer:
    """One answer of the application, counted when it begins."""

    __slots__ = ("_began", "_is_counted", "_scope", "_send", "_statistics")

    def __init__(self, statistics: Statistics, scope: Scope, send: Send) -> None:
        self._statistics = statistics
        self._scope = scope
        self._send = send
        self._began = perf_counter_ns()
        self._is_counted = False

    # Not a coroutine itself: it hands on the one of `send`, which saves a frame for each message.
    def send(self, message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            status = message["status"]
            if status < 500 or CUT_OFF not in self._scope:
                self._is_counted = True
                self._statistics.answered(status, self._began)
        return self._send(message)

    def failed(self) -> None:
        """The application raised; the server answers with a 500 if nothing was sent yet."""
        if not self._is_counted and CUT_OFF not in self._scope:
            self._statistics.answered(500, self._began)
