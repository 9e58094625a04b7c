"""The few words of ASGI that every middleware here uses."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Headers = Iterable[tuple[bytes, bytes]]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def header(scope: Scope, name: bytes) -> str | None:
    """The first value of a request header, or None."""
    return first_value(scope["headers"], name)


def first_value(headers: Headers, name: bytes) -> str | None:
    """The first value of a header in a list of them, or None."""
    for key, value in headers:
        if key == name:
            return str(value, "latin-1")
    return None
