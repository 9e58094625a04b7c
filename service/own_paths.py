"""The last stop before the application: the service's own paths, and the count of answers."""

from collections.abc import Awaitable, Sequence
from time import perf_counter_ns

from starlette.routing import Route, Router

from .asgi import App, Message, Receive, Scope, Send
from .statistics import Statistics


class OwnPaths:
    """Answers the service's own paths, hands all others on, and counts how they were answered.

    Args:
        app: the application.
        routes: what is in front of it.
        statistics: where answers are counted.
        uncounted: paths of machines, not of users. Fly's checks would be most of a quiet service's
            requests, and are always quick and well.
    """

    def __init__(
        self, app: App, routes: Sequence[Route], statistics: Statistics, uncounted: frozenset[str]
    ) -> None:
        """Put `routes` in front of `app`."""
        self._app = app
        self._own = Router(routes)
        self._paths = frozenset(route.path for route in routes)
        self._statistics = statistics
        self._uncounted = uncounted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Dispatch by path."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        app = self._own if path in self._paths else self._app
        if path in self._uncounted:
            await app(scope, receive, send)
            return
        answer = _Answer(self._statistics, send)
        try:
            await app(scope, receive, answer.send)
        except Exception:
            answer.failed()
            raise


class _Answer:
    """One answer of the application, counted when it begins."""

    __slots__ = ("_began", "_is_counted", "_send", "_statistics")

    def __init__(self, statistics: Statistics, send: Send) -> None:
        self._statistics = statistics
        self._send = send
        self._began = perf_counter_ns()
        self._is_counted = False

    # Not a coroutine itself: it hands on the one of `send`, which saves a frame for each message.
    def send(self, message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            self._is_counted = True
            self._statistics.answered(message["status"], self._began)
        return self._send(message)

    def failed(self) -> None:
        """The application raised; the server answers with a 500 if nothing was sent yet."""
        if not self._is_counted:
            self._statistics.answered(500, self._began)
