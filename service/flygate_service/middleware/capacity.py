"""Is there room: bounds the requests that the application has at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from flygate_service.asgi.messages import App, Receive, Scope, Send

from .refusal import refusal, refuse

_FULL: Final = refusal(
    503,
    "Too busy",
    "This machine has as many requests as it can hold. Try again in 1 second.",
    "temporary-reduced-capacity",
    retry_after="1",
)


class CapacityMiddleware:
    """Answers 503 at once to what would be too much.

    Fly's proxies queue at a machine's hard limit, but each knows of the others' requests only
    a little later; so this is a bound for when they are wrong, well above that limit. The service's
    own paths are outside, or a busy machine would fail its health checks; WebSockets, too.
    (Uvicorn's own limit counts idle connections, and refuses the checks.)

    Attributes:
        in_flight: the requests that the application has now.
    """

    def __init__(self, app: App, most: int, on_full: Callable[[], None]) -> None:
        """Let at most `most` into `app`; report each that finds it full."""
        self.in_flight = 0
        self._app = app
        self._most = most
        self._on_full = on_full

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let in, or refuse."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self.in_flight >= self._most:
            self._on_full()
            await refuse(_FULL, scope, receive, send)
            return
        self.in_flight += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self.in_flight -= 1
