"""`/_flygate/cluster`: what machines ask each other. Only who has the app's key gets an answer."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from service.cluster.node import Node
from service.cluster.paths import ANSWER, BUCKETS, CLUSTER
from service.signature import HEADER, Signatures

# A message of the largest size has 131 KB.
_LARGEST_BODY: Final = 1_048_576

# Fly Proxy sets it always, and nobody else does.
_THROUGH_PROXY: Final = "fly-client-ip"

Answer = Callable[[bytes], Awaitable[Response]]


class ClusterRoutes:
    """How this machine is, what its buckets owe, and a place for what others' owe."""

    def __init__(self, node: Node, signatures: Signatures) -> None:
        """Answer for `node`."""
        self._node = node
        self._signatures = signatures

    def routes(self) -> list[Route]:
        """The routes."""
        return [
            Route(CLUSTER, self._signed(self._status), methods=["GET"]),
            Route(BUCKETS, self._signed(self._give), methods=["GET"]),
            Route(BUCKETS, self._signed(self._merge), methods=["POST"]),
        ]

    async def _status(self, _: bytes) -> Response:
        return JSONResponse(asdict(self._node.status))

    async def _give(self, _: bytes) -> Response:
        body = b"".join([message async for message in self._node.handoff.messages()])
        signature = self._signatures.sign(ANSWER, BUCKETS, body)
        return Response(body, headers={HEADER.decode(): signature})

    async def _merge(self, body: bytes) -> Response:
        await self._node.handoff.merge(body)
        self._node.heard_news()  # who gives has come, or is about to go
        return Response(status_code=204)

    def _signed(self, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            if _THROUGH_PROXY in request.headers:
                # No limit stands before these paths, so no client may make us read a body.
                return _refusal(404, "for the private network only")
            body = await _body(request)
            if body is None:
                return _refusal(413, f"at most {_LARGEST_BODY} bytes")
            if self._signatures.nonce(request.scope, body) is None:
                return _refusal(401, "a valid signature is needed")
            return await answer(body)

        return guarded


def _refusal(status: int, error: str) -> Response:
    return JSONResponse({"error": error}, status)


async def _body(request: Request) -> bytes | None:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LARGEST_BODY:
            return None
    return body
