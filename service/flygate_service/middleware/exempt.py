"""The first question to a request: is it one of the service's own that no limit may stop."""

from __future__ import annotations

from collections.abc import Awaitable

from flygate_wire.own_paths import EXEMPT_PATHS

from flygate_service.asgi.authenticator import Authenticator
from flygate_service.asgi.messages import App, Receive, Scope, Send


class ExemptMiddleware:
    """Answers what is exempt, and hands all the rest to what decides on limits and places.

    Fly's checks are exempt, and whatever bears a right signature. A request that only claims to be
    signed goes the way of all others; the answer at its end is a refusal.

    Args:
        app: the way of all others.
        own: answers the own paths.
        authenticator: knows signatures.
    """

    def __init__(self, app: App, own: App, authenticator: Authenticator) -> None:
        """Stand before `app`."""
        self._app = app
        self._own = own
        self._authenticator = authenticator

    # Not a coroutine itself, which saves a frame for each request.
    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Dispatch. Exempt means HTTP: a WebSocket is none of the own paths."""
        if scope["type"] == "http":
            own = EXEMPT_PATHS.get(scope["path"])
            if own is not None and (not own.is_signed or self._authenticator.accepts(own, scope)):
                return self._own(scope, receive, send)
        return self._app(scope, receive, send)
