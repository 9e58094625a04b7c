"""How much of the machine may one client hold: a share of its places, and no more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from flygate_service.asgi.messages import App, Receive, Scope, Send
from flygate_service.asgi.scope_keys import DECIDED

from .refusal import refusal, refuse

_SHARE_USED: Final = refusal(
    429,
    "Too many requests at once",
    "This client has as many requests and WebSockets open as it may. Wait for one of them to end.",
    retry_after="1",
)


class PlacesMiddleware:
    """Refuses a client's requests above its share: slow ones of one must leave room for all others.

    Fly Proxy sends a machine no more requests at a time than its hard limit, and counts each until
    it is answered. Requests and open WebSockets count alike. A limit on requests a minute does not
    bound them: one that is slow enough holds its place for as long as it likes.

    Args:
        app: what comes next.
        most: how many a client may hold.
        on_refusal: called with the reason of each refusal.

    Attributes:
        holders: how many places each client holds now; who holds none is not there.
    """

    def __init__(self, app: App, most: int, on_refusal: Callable[[str], None]) -> None:
        """Wrap `app`."""
        self.holders: dict[str, int] = {}
        self._app = app
        self._most = most
        self._on_refusal = on_refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Give a place, or refuse."""
        decided = scope.get(DECIDED)
        if decided is None:  # the limiter decides on requests and handshakes, on all of them
            await self._app(scope, receive, send)
            return
        client, holders = decided[0].client, self.holders
        held = holders.get(client, 0)
        if held >= self._most:
            self._on_refusal("share")
            await refuse(_SHARE_USED, scope, receive, send)
            return
        holders[client] = held + 1
        try:
            await self._app(scope, receive, send)
        finally:
            held = holders[client] - 1
            if held:
                holders[client] = held
            else:
                del holders[client]
