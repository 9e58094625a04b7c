"""`/_flygate/cluster`: what machines ask each other. Only who has the app's key gets an answer."""

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from service.cluster.node import Node
from service.cluster.paths import ANSWER, BUCKETS, CLUSTER
from service.signature import HEADER, Signatures

# A message of the largest size has 131 KB.
_LARGEST_BODY: Final = 1_048_576

Answer = Callable[[bytes], Awaitable[Response]]


def cluster_routes(node: Node, signatures: Signatures) -> list[Route]:
    """How this machine is, what its buckets owe, and a place for what others' owe."""

    async def status(_: bytes) -> Response:
        told = node.status
        return JSONResponse({"admitted": told.admitted, "draining": told.draining})

    async def buckets(_: bytes) -> Response:
        body = b"".join(node.handoff.messages())
        signature = signatures.sign(ANSWER, BUCKETS, body)
        return Response(body, headers={HEADER.decode(): signature})

    async def merge(body: bytes) -> Response:
        node.handoff.merge(body)
        node.heard_news()  # who gives has come, or is about to go
        return Response(status_code=204)

    def signed(answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            body = await _body(request)
            if body is None:
                return JSONResponse({"error": f"at most {_LARGEST_BODY} bytes"}, 413)
            if signatures.nonce(request.scope, body) is None:
                return JSONResponse({"error": "a valid signature is needed"}, 401)
            return await answer(body)

        return guarded

    return [
        Route(CLUSTER, signed(status), methods=["GET"]),
        Route(BUCKETS, _by_method(signed(buckets), signed(merge)), methods=["GET", "POST"]),
    ]


def _by_method(
    get: Callable[[Request], Awaitable[Response]], post: Callable[[Request], Awaitable[Response]]
) -> Callable[[Request], Awaitable[Response]]:
    async def choose(request: Request) -> Response:
        return await (post if request.method == "POST" else get)(request)

    return choose


async def _body(request: Request) -> bytes | None:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LARGEST_BODY:
            return None
    return body
