"""Who is asking: the first stop of every request. Sets the address that all others believe."""

from collections.abc import Callable

from service.asgi import App, Receive, Scope, Send, header
from service.limiter import Networks, canonical
from service.routes.health import PROBE, PROBES
from service.signature import Signatures

_NO_PROXIES = Networks()


class ClientIpMiddleware:
    """Puts the client's address into `scope["client"]`, also for a wrapped application.

    On Fly that is `Fly-Client-IP`, which Fly Proxy always sets itself. Elsewhere it is the
    connection's peer; if that is a trusted proxy, the last address of `X-Forwarded-For` that is
    none. What stands further left was written by the client.

    A rollout's probe that is signed is a client of its own, with an address of the documentation
    prefix that its nonce picks: it empties no real client's bucket, and nobody can pose as it.

    Args:
        app: what comes next.
        on_fly: whether Fly Proxy is in front.
        proxies: the networks of proxies that are trusted elsewhere.
        on_suspicion: told once, with a sentence, if the settings do not fit what arrives.
        signatures: whose probes are believed.
    """

    def __init__(
        self,
        app: App,
        on_fly: bool,
        proxies: Networks = _NO_PROXIES,
        on_suspicion: Callable[[str], None] | None = None,
        signatures: Signatures | None = None,
    ) -> None:
        """Wrap `app`."""
        self._signatures = signatures
        self._app = app
        self._on_fly = on_fly
        self._proxies = proxies
        self._on_suspicion = on_suspicion

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Name the client, then go on."""
        if scope["type"] in ("http", "websocket"):
            address = self._from_fly(scope) if self._on_fly else self._from_proxies(scope)
            if self._signatures is not None and scope["path"] == PROBE:
                address = _probe(self._signatures, scope) or address
            if address is not None:
                scope["client"] = (address, 0)
        await self._app(scope, receive, send)

    def _from_fly(self, scope: Scope) -> str | None:
        # Without the header the caller came over the private network, past the proxy.
        address = header(scope, b"fly-client-ip")
        return address if address is not None and canonical(address) is not None else None

    def _from_proxies(self, scope: Scope) -> str | None:
        peer = scope["client"][0] if scope["client"] else ""
        if peer not in self._proxies:
            self._check(scope, peer)
            return None
        client = None
        for address in reversed(_forwarded_for(scope)):
            found = canonical(address)
            if found is None:
                break  # nobody can say what stands left of it
            client = str(found)
            if not self._proxies.has(found):
                break
        return client

    def _check(self, scope: Scope, peer: str) -> None:
        found = canonical(peer)
        if self._on_suspicion is None or found is None or not found.is_private:
            return
        if header(scope, b"x-forwarded-for") is not None:
            self._on_suspicion(
                f"{found} sends X-Forwarded-For and is not in TRUSTED_PROXIES: all clients behind"
                " it share one bucket. If it is your proxy, add its network"
            )
            self._on_suspicion = None


def _probe(signatures: Signatures, scope: Scope) -> str | None:
    nonce = signatures.nonce(scope) if scope["type"] == "http" else None
    return f"{PROBES}{nonce[:4]}:{nonce[4:8]}::1" if nonce else None


def _forwarded_for(scope: Scope) -> list[str]:
    lines = [
        value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"
    ]
    return [address for line in lines for address in line.split(",")]
