"""The few words of ASGI that every middleware here uses."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final

Scope = MutableMapping[str, Any]
Headers = Iterable[tuple[bytes, bytes]]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# Why a WebSocket is closed that is refused.
POLICY_VIOLATION: Final = 1008


def header(scope: Scope, name: bytes) -> str | None:
    """Return the first value of a request header, or None."""
    return first_value(scope["headers"], name)


def first_value(headers: Headers, name: bytes) -> str | None:
    """Return the first value of a header in a list of them, or None."""
    for key, value in headers:
        if key == name:
            return str(value, "latin-1")
    return None


def can_answer(scope: Scope) -> bool:
    """Return whether the server can send an answer: to a handshake some can only send a close."""
    return scope["type"] == "http" or "websocket.http.response" in scope.get("extensions", {})


async def respond(
    status: int,
    headers: Iterable[tuple[bytes, bytes]],
    body: bytes,
    scope: Scope,
    receive: Receive,
    send: Send,
) -> None:
    """Answer a request, or a handshake; one that can't be answered is closed."""
    kind = "http.response"
    if scope["type"] == "websocket":
        await receive()  # the handshake must be asked for before it can be refused
        if not can_answer(scope):
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
            return
        kind = "websocket.http.response"
    await send({"type": f"{kind}.start", "status": status, "headers": [*headers]})
    await send({"type": f"{kind}.body", "body": body})
