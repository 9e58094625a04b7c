"""The last stop before the application: the service's own paths, and the count of answers."""

from collections.abc import Sequence

from starlette.routing import Route, Router

from .answer import Answer
from .asgi import App, Receive, Scope, Send
from .statistics import Statistics, chooses_its_machine


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
        if path in self._uncounted or chooses_its_machine(scope["headers"]):
            await app(scope, receive, send)
            return
        answer = Answer(self._statistics, scope, receive, send)
        try:
            await app(scope, answer.receive, answer.send)
        except Exception as error:
            answer.failed(error)
            raise
        finally:
            answer.ended()
