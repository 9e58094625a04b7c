"""Who is asking: the first stop of every request. Sets the address that all others believe."""

from service.asgi import App, Receive, Scope, Send, header
from service.limiter import canonical


class ClientIpMiddleware:
    """Puts the client's address into `scope["client"]`, also for a wrapped application.

    On Fly that is `Fly-Client-IP`, which Fly Proxy always sets itself. Elsewhere the header
    is whatever a client likes to write, so only the connection's peer is believed.
    """

    def __init__(self, app: App, on_fly: bool) -> None:
        """Wrap `app`."""
        self._app = app
        self._on_fly = on_fly

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Name the client, then go on."""
        if self._on_fly and scope["type"] in ("http", "websocket"):
            address = header(scope, b"fly-client-ip")
            # Without the header the caller came over the private network, past the proxy.
            if address is not None and canonical(address) is not None:
                scope["client"] = (address, 0)
        await self._app(scope, receive, send)
