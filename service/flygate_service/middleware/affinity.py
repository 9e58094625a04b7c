"""Is this the client's machine: serves its requests here, or lets Fly Proxy bring them there."""

from collections.abc import Awaitable, Mapping
from functools import partial
from typing import Final

from flygate_limiter import Limiter, client_key

from flygate_service.asgi.messages import App, Message, Receive, Scope, Send, can_answer, respond
from flygate_service.asgi.paths import PROBE, PROBES, THROUGH_PROXY
from flygate_service.cluster.cookie import AffinityCookie
from flygate_service.cluster.metrics import ClusterMetrics
from flygate_service.cluster.node import Node
from flygate_service.cluster.owners import Owners
from flygate_service.cluster.replay import (
    SENT_ON,
    Arrival,
    Decision,
    FairShare,
    Reason,
    Replay,
    decide,
)

from .rate_limit import CHECK, SHARE, request_of

_CLIENT: Final = THROUGH_PROXY
_SOURCE: Final = b"fly-replay-src"
_STATE: Final = f"state={SENT_ON}".encode()
_FAILED: Final = b"fly-replay-failed"
_UNAVAILABLE: Final = b"fly-preferred-instance-unavailable"
_FORCED: Final = b"fly-force-instance-id"
_LENGTH: Final = b"content-length"
_ENCODING: Final = b"transfer-encoding"
_COOKIE: Final = b"cookie"
_SCHEME: Final = b"x-forwarded-proto"
_WANTED: Final = frozenset(
    {
        *(_CLIENT, _SOURCE, _FAILED, _UNAVAILABLE, _FORCED),
        *(_LENGTH, _ENCODING, _COOKIE, _SCHEME),
    }
)
# The proxy shows it to nobody; who comes past the proxy sees that this is no answer.
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
        decision = self._decide(scope, fields, client)
        self._metrics.served(decision)
        if isinstance(decision, Replay):
            await _order(decision, scope, receive, send)
            return
        if isinstance(decision, FairShare):
            self._share(scope, decision, client)
        elif len(self._node.members.ring) > 1:
            send = self._with_cookie(fields, client, send)
        await self._app(scope, receive, send)

    def _is_asked(self, fields: Fields) -> bool:
        if _CLIENT not in fields:  # it came past the proxy, so nobody could replay it
            return False
        if _FORCED not in fields:  # a rollout's candidate is asked so before it is admitted
            self._node.admit()
        return self._node.members.is_sticky

    def _decide(self, scope: Scope, fields: Fields, client: str) -> Decision:
        ring = self._node.members.ring
        owner = ring.owner(client).id
        unavailable = _unavailable(fields, owner)
        stand_in = ring.stand_in(client, self._here) if unavailable == owner else None
        decision = decide(
            Arrival(
                owner=owner,
                here=self._here,
                stand_in=stand_in.id if stand_in else "",
                was_replayed=_SOURCE in fields,
                was_sent_on=_STATE in fields.get(_SOURCE, b"").split(b";"),
                unavailable=unavailable,
                is_forced=_FORCED in fields,
                body_bytes=_body_bytes(fields),
                is_denied=owner != self._here and self._limiter.would_refuse(request_of(scope)),
            )
        )
        if not isinstance(decision, Replay):
            return decision
        if decision.is_sent_on:
            self._node.heard_news()
        return decision if can_answer(scope) else FairShare(Reason.WEBSOCKET)

    def _share(self, scope: Scope, decision: FairShare, client: str) -> None:
        members = self._node.members
        if members.is_split:  # a store that all have in common needs no shares
            scope[SHARE] = len(members.ring)
            scope[CHECK] = partial(self._owners.check, members.ring.owner(client))
        if decision.reason in (Reason.UNAVAILABLE, Reason.DISAGREEMENT):
            self._node.heard_news()

    def _with_cookie(self, fields: Fields, client: str, send: Send) -> Send:
        if self._cookie.is_in(fields.get(_COOKIE, b""), client):
            return send
        cookie = self._cookie.make(client, is_secure=fields.get(_SCHEME) == b"https")

        def send_with_cookie(message: Message) -> Awaitable[None]:
            if message["type"] in ("http.response.start", "websocket.accept"):
                message["headers"] = [*message.get("headers", ()), (b"set-cookie", cookie)]
            return send(message)

        return send_with_cookie


def _is_rollouts(scope: Scope) -> bool:
    """A rollout's own probe is of this machine; no client can have such an address."""
    client = scope["client"]
    return client is not None and client[0].startswith(PROBES)


def _unavailable(fields: Fields, owner: str) -> str:
    """The machine that the proxy could not reach; a failed replay was on its way to the owner."""
    if _FAILED in fields:
        return owner
    return fields.get(_UNAVAILABLE, b"").decode("latin-1")


def _body_bytes(fields: Fields) -> int | None:
    if _ENCODING in fields:
        return None
    length = fields.get(_LENGTH, b"0")
    return int(length) if length.isdigit() else None


async def _order(replay: Replay, scope: Scope, receive: Receive, send: Send) -> None:
    state = f";state={SENT_ON}" if replay.is_sent_on else ""
    headers = [
        (b"fly-replay", f"prefer_instance={replay.owner}{state}".encode()),
        (b"content-length", b"0"),
        (b"cache-control", b"no-store"),
    ]
    await respond(_MISDIRECTED, headers, b"", scope, receive, send)
