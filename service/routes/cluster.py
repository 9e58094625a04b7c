"""`/_flygate/cluster`: what machines ask each other. Only who has the app's key gets an answer."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from service.cluster.copies import Copies
from service.cluster.errors import FormatError
from service.cluster.node import Node
from service.cluster.order import Seal
from service.cluster.paths import ANSWER, BUCKETS, CLUSTER, COPIES, ORDER
from service.signature import HEADER, Signatures

# A message of the largest size has 131 KB.
_LARGEST_BODY: Final = 1_048_576
# Of 500 machines.
_LARGEST_ORDER: Final = 16_384

# Fly Proxy sets it always, and nobody else does.
_THROUGH_PROXY: Final = "fly-client-ip"

Answer = Callable[[bytes], Awaitable[Response]]


class ClusterRoutes:
    """How this machine is, what its buckets owe, and places for what others' owe and for orders."""

    def __init__(self, node: Node, copies: Copies, signatures: Signatures, seal: Seal) -> None:
        """Answer for `node`."""
        self._node = node
        self._copies = copies
        self._signatures = signatures
        self._seal = seal

    def routes(self) -> list[Route]:
        """The routes."""
        return [
            Route(CLUSTER, self._signed(self._status), methods=["GET"]),
            Route(BUCKETS, self._signed(self._give), methods=["GET"]),
            Route(BUCKETS, self._signed(self._merge), methods=["POST"]),
            Route(COPIES, self._signed(self._keep), methods=["POST"]),
            Route(ORDER, self._order, methods=["GET", "POST"]),
        ]

    async def _status(self, _: bytes) -> Response:
        told = self._node.status
        order = {"text": told.order.text} if told.order else None
        body = json.dumps({**asdict(replace(told, order=None)), "order": order})
        return self._sealed(CLUSTER, body.encode())

    async def _give(self, _: bytes) -> Response:
        body = b"".join([message async for message in self._node.handoff.messages()])
        return self._sealed(BUCKETS, body)

    async def _merge(self, body: bytes) -> Response:
        await self._node.handoff.merge(body)
        self._node.heard_news()  # who gives has come, or is about to go
        return Response(status_code=204)

    def _sealed(self, path: str, body: bytes) -> Response:
        signature = self._signatures.sign(ANSWER, path, body)
        return Response(body, headers={HEADER.decode(): signature})

    async def _keep(self, body: bytes) -> Response:
        self._copies.keep(body)
        return Response(status_code=204)

    async def _order(self, request: Request) -> Response:
        """What the rollout engine asks and orders: it comes by the proxy, or from inside."""
        body = await _body(request, _LARGEST_ORDER)
        if body is None:
            return _refusal(413, f"at most {_LARGEST_ORDER} bytes")
        if self._signatures.nonce(request.scope, body) is None:
            return _refusal(401, "a valid signature is needed")
        if _THROUGH_PROXY in request.headers:
            self._node.admit()  # whoever it is, others come this way, too
        if request.method == "POST":
            return await self._obey(body)
        return self._known()

    async def _obey(self, body: bytes) -> Response:
        try:
            order = self._seal.read(body.decode())
        except (FormatError, UnicodeDecodeError) as error:
            return _refusal(400, str(error))
        if not await self._node.adopt(order) and order != self._node.members.order:
            return _refusal(409, "there was a later order")
        return self._known()

    def _known(self) -> Response:
        members = self._node.members
        version = members.order.version if members.order else 0
        return JSONResponse(
            {"version": version, "members": [member.id for member in members.ring.members]}
        )

    def _signed(self, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            if _THROUGH_PROXY in request.headers:
                # No limit stands before these paths, so no client may make us read a body.
                return _refusal(404, "for the private network only")
            body = await _body(request, _LARGEST_BODY)
            if body is None:
                return _refusal(413, f"at most {_LARGEST_BODY} bytes")
            if self._signatures.nonce(request.scope, body) is None:
                return _refusal(401, "a valid signature is needed")
            return await answer(body)

        return guarded


def _refusal(status: int, error: str) -> Response:
    return JSONResponse({"error": error}, status)


async def _body(request: Request, largest: int) -> bytes | None:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > largest:
            return None
    return body
