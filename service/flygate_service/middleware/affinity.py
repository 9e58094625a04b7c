"""Is this the client's machine: serves its requests here, or lets Fly Proxy bring them there."""

from collections.abc import Awaitable, Mapping
from functools import partial
from typing import Final

from flygate_limiter import Limiter, client_key
from flygate_wire.own_paths import PROBE

from flygate_service.asgi.fly_headers import (
    CLIENT_IP,
    FORCE_INSTANCE,
    FORWARDED_PROTO,
    PREFERRED_UNAVAILABLE,
    REPLAY,
    REPLAY_FAILED,
    REPLAY_SOURCE,
)
from flygate_service.asgi.messages import App, Message, Receive, Scope, Send, can_answer, respond
from flygate_service.asgi.probe_clients import is_probe_client
from flygate_service.asgi.scope_keys import CHECK, SHARE
from flygate_service.cluster.cookie import AffinityCookie
from flygate_service.cluster.destination import (
    SENT_ON,
    Arrival,
    Destination,
    FairShare,
    Reason,
    Replay,
    destination_of,
)
from flygate_service.cluster.metrics import ClusterMetrics
from flygate_service.cluster.node import Node
from flygate_service.cluster.owners import Owners

from .rate_limit import request_of

_STATE: Final = f"state={SENT_ON}".encode()
_LENGTH: Final = b"content-length"
_ENCODING: Final = b"transfer-encoding"
_COOKIE: Final = b"cookie"
_WANTED: Final = frozenset(
    {
        *(CLIENT_IP, REPLAY_SOURCE, REPLAY_FAILED, PREFERRED_UNAVAILABLE, FORCE_INSTANCE),
        *(_LENGTH, _ENCODING, _COOKIE, FORWARDED_PROTO),
    }
)
# The proxy shows it to no client; one that comes past the proxy sees that this is no answer.
_MISDIRECTED: Final = 409

Fields = Mapping[bytes, bytes]


class AffinityMiddleware:
    """Decides on each request that came through the proxy, before the limiter does.

    Args:
        app: what comes next.
        node: knows the machines.
        limiter: knows who is denied here.
        owners: are asked about clients that are served elsewhere.
        cookie: by which the proxy remembers where a client belongs.
        metrics: counts.
    """

    def __init__(
        self,
        app: App,
        node: Node,
        limiter: Limiter,
        owners: Owners,
        cookie: AffinityCookie,
        metrics: ClusterMetrics,
    ) -> None:
        """Wrap `app`."""
        self._app = app
        self._here = node.members.here
        self._node = node
        self._limiter = limiter
        self._owners = owners
        self._cookie = cookie
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve here, or order a replay."""
        if (
            self._node.is_idle
            or scope["type"] not in ("http", "websocket")
            or (scope["path"] == PROBE and _is_rollouts(scope))
        ):
            await self._app(scope, receive, send)
            return
        fields = {name: value for name, value in scope["headers"] if name in _WANTED}
        if not self._is_asked(fields):
            await self._app(scope, receive, send)
            return
        await self._node.back()
        client = client_key(scope["client"][0])
        destination = self._destination(scope, fields, client)
        self._metrics.served(destination)
        if isinstance(destination, Replay):
            await _replay(destination, scope, receive, send)
            return
        if isinstance(destination, FairShare):
            self._share(scope, destination, client)
        elif len(self._node.members.ring) > 1:
            send = self._with_cookie(fields, client, send)
        await self._app(scope, receive, send)

    def _is_asked(self, fields: Fields) -> bool:
        if CLIENT_IP not in fields:  # it came past the proxy, which alone can replay it
            return False
        if FORCE_INSTANCE not in fields:  # a rollout's candidate is asked so before it is admitted
            self._node.admit()
        return self._node.members.is_sticky

    def _destination(self, scope: Scope, fields: Fields, client: str) -> Destination:
        ring = self._node.members.ring
        owner = ring.owner(client).id
        unavailable = _unavailable(fields, owner)
        stand_in = ring.stand_in(client, self._here) if unavailable == owner else None
        destination = destination_of(
            Arrival(
                owner=owner,
                here=self._here,
                stand_in=stand_in.id if stand_in else "",
                was_replayed=REPLAY_SOURCE in fields,
                was_sent_on=_STATE in fields.get(REPLAY_SOURCE, b"").split(b";"),
                unavailable=unavailable,
                is_forced=FORCE_INSTANCE in fields,
                body_bytes=_body_bytes(fields),
                is_denied=owner != self._here and self._limiter.would_refuse(request_of(scope)),
            )
        )
        if not isinstance(destination, Replay):
            return destination
        if destination.is_sent_on:
            self._node.heard_news()
        return destination if can_answer(scope) else FairShare(Reason.WEBSOCKET)

    def _share(self, scope: Scope, fair: FairShare, client: str) -> None:
        members = self._node.members
        if members.is_split:  # a store that all have in common needs no shares
            scope[SHARE] = len(members.ring)
            scope[CHECK] = partial(self._owners.check, members.ring.owner(client))
        if fair.reason in (Reason.UNAVAILABLE, Reason.DISAGREEMENT):
            self._node.heard_news()

    def _with_cookie(self, fields: Fields, client: str, send: Send) -> Send:
        if self._cookie.is_in(fields.get(_COOKIE, b""), client):
            return send
        cookie = self._cookie.make(client, is_secure=fields.get(FORWARDED_PROTO) == b"https")

        def send_with_cookie(message: Message) -> Awaitable[None]:
            if message["type"] in ("http.response.start", "websocket.accept"):
                message["headers"] = [*message.get("headers", ()), (b"set-cookie", cookie)]
            return send(message)

        return send_with_cookie


def _is_rollouts(scope: Scope) -> bool:
    """Return whether a rollout asks this machine: no client can have such an address."""
    client = scope["client"]
    return client is not None and is_probe_client(client[0])


def _unavailable(fields: Fields, owner: str) -> str:
    """Return the machine that the proxy could not reach; a failed replay went to the owner."""
    if REPLAY_FAILED in fields:
        return owner
    return fields.get(PREFERRED_UNAVAILABLE, b"").decode("latin-1")


def _body_bytes(fields: Fields) -> int | None:
    if _ENCODING in fields:
        return None
    length = fields.get(_LENGTH, b"0")
    return int(length) if length.isdigit() else None


async def _replay(replay: Replay, scope: Scope, receive: Receive, send: Send) -> None:
    state = f";state={SENT_ON}" if replay.is_sent_on else ""
    headers = [
        (REPLAY, f"prefer_instance={replay.owner}{state}".encode()),
        (b"content-length", b"0"),
        (b"cache-control", b"no-store"),
    ]
    await respond(_MISDIRECTED, headers, b"", scope, receive, send)
