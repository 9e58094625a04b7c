"""`/_flygate/cluster`: what machines ask each other. Only who has the app's key gets an answer."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

from flygate_limiter import Store
from flygate_limiter.blocks import Blocks
from flygate_wire.own_paths import BUCKETS, CLUSTER, COPIES, OWN_PATHS, SHARE_ORDER, TAKE
from flygate_wire.share_order import ShareOrderError, ShareState, SignedShareOrders
from flygate_wire.signature import ANSWER, HEADER, Signatures
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from flygate_service.asgi.authenticator import Answer, Authenticator
from flygate_service.asgi.fly_headers import CLIENT_IP
from flygate_service.asgi.messages import header
from flygate_service.cluster.charges import pack_decisions, unpack_charges
from flygate_service.cluster.copies import Copies
from flygate_service.cluster.errors import FormatError
from flygate_service.cluster.node import Node


class ClusterRoutes:
    """How this machine is, what its buckets owe, and places for what others' owe and for orders."""

    def __init__(
        self,
        node: Node,
        copies: Copies,
        signatures: Signatures,
        orders: SignedShareOrders,
        store: Store | None = None,
    ) -> None:
        """Answer for `node`, whose buckets are in `store`."""
        self._blocks = None if store is None else Blocks(store)
        self._node = node
        self._copies = copies
        self._signatures = signatures
        self._orders = orders

    def routes(self, authenticator: Authenticator) -> list[Route]:
        """Return the routes, for callers with the key."""
        table: list[tuple[str, Answer, list[str]]] = [
            (CLUSTER, self._status, ["GET"]),
            (BUCKETS, self._give, ["GET"]),
            (BUCKETS, self._merge, ["POST"]),
            (COPIES, self._keep, ["POST"]),
            (TAKE, self._take, ["POST"]),
            (SHARE_ORDER, self._order, ["GET", "POST"]),
        ]
        return [
            Route(path, authenticator.endpoint(OWN_PATHS[path], answer), methods=methods)
            for path, answer, methods in table
        ]

    async def _status(self, _: Request, __: bytes) -> Response:
        status = self._node.status
        order = {"text": status.order.text} if status.order else None
        body = json.dumps({**asdict(replace(status, order=None)), "order": order})
        return self._sealed(CLUSTER, body.encode())

    async def _give(self, _: Request, __: bytes) -> Response:
        body = b"".join([message async for message in self._node.handoff.messages()])
        return self._sealed(BUCKETS, body)

    async def _merge(self, _: Request, body: bytes) -> Response:
        await self._node.handoff.merge(body)
        self._node.heard_news()  # who gives has come, or is about to go
        return Response(status_code=204)

    def _sealed(self, path: str, body: bytes) -> Response:
        signature = self._signatures.sign(ANSWER, path, body)
        return Response(body, headers={HEADER: signature})

    async def _keep(self, _: Request, body: bytes) -> Response:
        self._copies.keep(body)
        return Response(status_code=204)

    async def _take(self, _: Request, body: bytes) -> Response:
        """Charge a client that another machine serves, and is this one's."""
        if self._blocks is None:
            return _refusal(404, "this machine's buckets can't be asked")
        try:
            charges = unpack_charges(body)
        except FormatError as exc:
            return _refusal(400, str(exc))
        await self._node.back()
        taken = await self._blocks.take(charges)
        return self._sealed(TAKE, pack_decisions(taken.decisions))

    async def _order(self, request: Request, body: bytes) -> Response:
        """Answer the rollout engine, which asks and orders by the proxy, or from inside."""
        if header(request.scope, CLIENT_IP) is not None:
            self._node.admit()  # clients can come this way, too
        if request.method == "POST":
            return await self._obey(body)
        return self._known()

    async def _obey(self, body: bytes) -> Response:
        try:
            order = self._orders.read(body.decode())
        except (ShareOrderError, UnicodeDecodeError) as exc:
            return _refusal(400, str(exc))
        if not await self._node.adopt(order) and order != self._node.members.order:
            return _refusal(409, "there was a later order")
        return self._known()

    def _known(self) -> Response:
        members = self._node.members
        version = members.order.version if members.order else 0
        ids = frozenset(member.id for member in members.ring.members)
        return JSONResponse(ShareState(version, ids).document())


def _refusal(status: int, error: str) -> Response:
    return JSONResponse({"error": error}, status)
