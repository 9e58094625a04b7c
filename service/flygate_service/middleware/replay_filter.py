"""The border of the application: what it answers gives Fly Proxy no orders."""

from collections.abc import Awaitable, Callable
from typing import Final

from flygate_service.asgi.messages import App, Message, Receive, Scope, Send

_ORDERS: Final = b"fly-replay"
_ORDER_TYPE: Final = b"application/vnd.fly.replay+json"
_HEADS: Final = frozenset(
    {"http.response.start", "websocket.accept", "websocket.http.response.start"}
)


class ReplayFilter:
    """Takes the fields by which Fly Proxy replays a request out of an application's answers.

    A header that an application copies from its users' data would else send requests, with their
    cookies, to any app of the organisation, and round this service's limits. `fly-replay`, the
    `fly-replay-cache` fields and the content type of an order in a body are dropped.
    """

    def __init__(self, app: App, on_drop: Callable[[str], None] | None = None) -> None:
        """Wrap the application; `on_drop` gets the path of the first answer that lost some."""
        self._app = app
        self._on_drop = on_drop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return

        def send_without_orders(message: Message) -> Awaitable[None]:
            if message["type"] in _HEADS:
                headers = [*message.get("headers", ())]
                kept = [field for field in headers if not _is_order(*field)]
                if len(kept) < len(headers):
                    message["headers"] = kept
                    self._report(scope["path"])
            return send(message)

        await self._app(scope, receive, send_without_orders)

    def _report(self, path: str) -> None:
        if self._on_drop is not None:
            self._on_drop(path)
            self._on_drop = None


def _is_order(name: bytes, value: bytes) -> bool:
    name = name.lower()
    if name == b"content-type":
        return value.partition(b";")[0].strip().lower() == _ORDER_TYPE
    return name.startswith(_ORDERS)
