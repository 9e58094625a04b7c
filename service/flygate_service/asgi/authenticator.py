"""Authenticates requests by their signature: by the head, and only then the body is read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from flygate_wire.own_paths import OwnPath
from flygate_wire.signature import DIGEST_HEADER, HEADER, Signatures, digest_of
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from .fly_headers import CLIENT_IP
from .messages import Scope, header

# A machine's message is there at once; who repeats a signature must not hold the line with it.
_BODY_SECONDS: Final = 2.0
_BODIES_AT_ONCE: Final = 16

_SIGNATURE: Final = HEADER.lower().encode()
_DIGEST: Final = DIGEST_HEADER.lower().encode()

# In a request's scope: what was found out of its head, so that it is found out once.
_HEAD: Final = "flygate.head"

Answer = Callable[[Request, bytes], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]


class RefusedError(Exception):
    """A request is not answered, and why."""

    def __init__(self, status: int, error: str) -> None:
        """Say why."""
        super().__init__(error)
        self.status = status


@dataclass(frozen=True, slots=True)
class _Head:
    """What a request's head proves.

    Attributes:
        path: for which own path.
        length: of the body that is to be read.
        refusal: why it is not answered, if it is not.
    """

    path: str
    length: int = 0
    refusal: RefusedError | None = None


class Authenticator:
    """Authenticates signed requests. Without a key there are none, and every answer is 404.

    A machine of a former release signs its bodies, but does not send their digest. Its head can't
    be proved: it is let by to the body if it did not come through the proxy, in few places.
    """

    def __init__(self, signatures: Signatures | None) -> None:
        """Read no body yet."""
        self._signatures = signatures
        self._reading = 0

    def accepts(self, own: OwnPath, scope: Scope) -> bool:
        """Return whether the head of a request is what the path asks for. Reads no body.

        The answer is kept in the scope for who answers the request.
        """
        return self._head(own, scope).refusal is None

    def endpoint(self, own: OwnPath, answer: Answer) -> Endpoint:
        """Return an endpoint for callers with the key; it refuses others before it reads a body."""

        async def guarded(request: Request) -> Response:
            try:
                body = await self._body(own, request)
            except RefusedError as exc:
                return JSONResponse({"error": str(exc)}, exc.status)
            return await answer(request, body)

        return guarded

    def _head(self, own: OwnPath, scope: Scope) -> _Head:
        known = scope.get(_HEAD)
        if isinstance(known, _Head) and known.path == own.path:
            return known
        try:
            found = _Head(own.path, self._check(own, scope))
        except RefusedError as exc:
            found = _Head(own.path, refusal=exc)
        scope[_HEAD] = found
        return found

    def _check(self, own: OwnPath, scope: Scope) -> int:
        """Return the length of the body that is to be read.

        Raises:
            RefusedError: it is not signed, too large, or comes from where it may not.
        """
        if self._signatures is None:
            raise RefusedError(404, "FLYGATE_KEY is not set")
        is_proxied = header(scope, CLIENT_IP) is not None
        if own.is_inside and is_proxied:
            raise RefusedError(404, "for the private network only")
        length = _length(scope, own.body_bytes)
        signature, digest = header(scope, _SIGNATURE), header(scope, _DIGEST) or ""
        if length and not digest and not is_proxied:
            is_signed = self._signatures.is_timely(signature)
        else:
            method, path = scope["method"], scope["path"]
            is_right = bool(digest) == bool(length)
            is_signed = (
                is_right
                and self._signatures.verify_digest(signature, method, path, digest) is not None
            )
        if not is_signed:
            raise RefusedError(401, "a valid signature is needed")
        return length

    async def _body(self, own: OwnPath, request: Request) -> bytes:
        head = self._head(own, request.scope)
        if head.refusal is not None:
            raise head.refusal
        if not head.length:
            return b""
        if self._reading >= _BODIES_AT_ONCE:
            raise RefusedError(503, "too many bodies at once; try again")
        self._reading += 1
        try:
            body = await _read(request, head.length)
        finally:
            self._reading -= 1
        if not self._is_right(request.scope, body):
            raise RefusedError(401, "a valid signature is needed")
        return body

    def _is_right(self, scope: Scope, body: bytes) -> bool:
        digest = header(scope, _DIGEST)
        if digest is not None:
            return digest == digest_of(body)
        return self._signatures is not None and nonce_of(self._signatures, scope, body) is not None


def nonce_of(signatures: Signatures, scope: Scope, body: bytes = b"") -> str | None:
    """Return the nonce of a request that is signed rightly; else None."""
    return signatures.verify(header(scope, _SIGNATURE), scope["method"], scope["path"], body)


def _length(scope: Scope, most: int) -> int:
    if header(scope, b"transfer-encoding") is not None:
        raise RefusedError(411, "a body needs its length")
    found = header(scope, b"content-length") or "0"
    if not found.isdecimal() or len(found) > 12:
        raise RefusedError(400, "a length is a number of bytes")
    if int(found) > most:
        raise RefusedError(413, f"at most {most} bytes")
    return int(found)


async def _read(request: Request, length: int) -> bytes:
    parts: list[bytes] = []
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for part in request.stream():
                parts.append(part)
    except TimeoutError:
        raise RefusedError(408, f"the body did not come within {_BODY_SECONDS:g} s") from None
    except ClientDisconnect:
        raise RefusedError(400, "the body did not come") from None
    body = b"".join(parts)
    if len(body) != length:
        raise RefusedError(400, "the body has another length than was said")
    return body
