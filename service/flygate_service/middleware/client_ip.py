"""Who is asking: the first stop of every request. Sets the address that all others believe."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from flygate_limiter import Networks, canonical
from flygate_wire.own_paths import PROBE
from flygate_wire.signature import Signatures

from flygate_service.asgi.authenticator import nonce_of
from flygate_service.asgi.fly_headers import (
    CLIENT_IP,
    FORWARDED_FOR,
    FORWARDED_PROTO,
    PREFERRED_UNAVAILABLE,
    REPLAY_FAILED,
    REPLAY_SOURCE,
)
from flygate_service.asgi.messages import App, Receive, Scope, Send, header
from flygate_service.asgi.probe_clients import probe_client

_NO_PROXIES: Final = Networks()
# Fly Proxy reaches a machine by its private IPv4 address; the private network is IPv6 only.
_FLY_PROXY: Final = Networks(["0.0.0.0/0"])
# What only Fly Proxy may say; clients of the private network could write it themselves.
_SAID_BY_PROXY: Final = frozenset(
    {
        *(CLIENT_IP, REPLAY_SOURCE, REPLAY_FAILED, PREFERRED_UNAVAILABLE),
        *(FORWARDED_FOR, FORWARDED_PROTO),
    }
)


class ClientIpMiddleware:
    """Puts the client's address into `scope["client"]`, also for a wrapped application.

    On Fly that is `Fly-Client-IP`, which Fly Proxy always sets itself. A caller that comes past
    it, over the private network, is known by the peer's address: the fields of the proxy are taken
    out of its request, and its own address counts. Elsewhere the client is the connection's peer;
    if that is a trusted proxy, the last address of `X-Forwarded-For` that is none. What stands
    further left was written by the client.

    A rollout's probe that is signed is a client of its own, with an address of the documentation
    prefix that its nonce picks: it empties no real client's bucket, and can't be forged.

    Args:
        app: what comes next.
        on_fly: whether Fly Proxy is in front.
        proxies: the networks of proxies that are trusted elsewhere.
        on_suspicion: called once, with an advice, if the settings do not fit what arrives.
        signatures: whose probes are believed.
        fly_proxy: from where Fly Proxy comes.
    """

    def __init__(
        self,
        app: App,
        on_fly: bool,
        proxies: Networks = _NO_PROXIES,
        on_suspicion: Callable[[str], None] | None = None,
        signatures: Signatures | None = None,
        fly_proxy: Networks = _FLY_PROXY,
    ) -> None:
        """Wrap `app`."""
        # A proxy has few addresses, and reading one costs more than to remember it.
        self._is_fly_proxy = lru_cache(1_024)(fly_proxy.__contains__)
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
        address = header(scope, CLIENT_IP)
        if address is None:
            return None  # the caller came over the private network, past the proxy
        peer = scope["client"][0] if scope["client"] else ""
        if self._is_fly_proxy(peer):
            return address if canonical(address) is not None else None
        scope["headers"] = [
            (name, value) for name, value in scope["headers"] if name not in _SAID_BY_PROXY
        ]
        self._advise(
            f"{peer} sends Fly-Client-IP and does not come from Fly Proxy: it is not believed."
            " If it is a proxy, add its network to SERVICE_PROXY_PEERS"
        )
        return None

    def _from_proxies(self, scope: Scope) -> str | None:
        peer = scope["client"][0] if scope["client"] else ""
        if peer not in self._proxies:
            self._check(scope, peer)
            return None
        client = None
        for address in reversed(_forwarded_for(scope)):
            found = canonical(address)
            if found is None:
                break  # what stands left of it can't be trusted
            client = str(found)
            if not self._proxies.has(found):
                break
        return client

    def _check(self, scope: Scope, peer: str) -> None:
        found = canonical(peer)
        if self._on_suspicion is None or found is None or not found.is_private:
            return
        if header(scope, FORWARDED_FOR) is not None:
            self._advise(
                f"{found} sends X-Forwarded-For and is not in TRUSTED_PROXIES: all clients behind"
                " it share one bucket. If it is your proxy, add its network"
            )

    def _advise(self, sentence: str) -> None:
        if self._on_suspicion is not None:
            self._on_suspicion(sentence)
            self._on_suspicion = None


def _probe(signatures: Signatures, scope: Scope) -> str | None:
    nonce = nonce_of(signatures, scope) if scope["type"] == "http" else None
    return probe_client(nonce) if nonce else None


def _forwarded_for(scope: Scope) -> list[str]:
    lines = [value.decode("latin-1") for name, value in scope["headers"] if name == FORWARDED_FOR]
    return [address for line in lines for address in line.split(",")]
