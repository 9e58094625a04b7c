"""Is the body of a size that may be, and does it come: before any application reads it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Final

from flygate_service.asgi.messages import App, Headers, Message, Receive, Scope, Send
from flygate_service.asgi.scope_keys import CUT_OFF
from flygate_service.settings import BodySettings

from .refusal import Refusal, refusal, refuse

_DISCONNECT: Final = "http.disconnect"
# A slow start is the network's.
_GRACE_SECONDS: Final = 5.0
_LONGEST_LENGTH: Final = 15


class BodyMiddleware:
    """Answers 413 to a body that is too large, and 408 to one that does not come in time.

    A body is too large by what it says of itself, before a byte of it is read; or by what came.
    Only the time counts in which the application waited for its client. Where too many are waited
    for at once, the one that began first has had its time: slow clients, however many they are,
    leave places for those who are not.

    Args:
        app: what comes next.
        bounds: of each body.
        most_awaited: how many bodies may be waited for at a time.
        on_refusal: called with the reason of each refusal.
    """

    def __init__(
        self,
        app: App,
        bounds: BodySettings,
        most_awaited: int,
        on_refusal: Callable[[str], None],
    ) -> None:
        """Wrap `app`."""
        self._app = app
        self._bounds = bounds
        self._most_awaited = most_awaited
        self._on_refusal = on_refusal
        # In the order in which they began.
        self._awaited: dict[_Body, None] = {}
        self._large = refusal(
            413,
            "Body too large",
            f"A body may have {bounds.most_bytes} bytes here.",
        )
        self._late = refusal(
            408,
            "Body too slow",
            f"A body must come within {bounds.seconds} seconds, and after the first"
            f" {_GRACE_SECONDS:g} with {bounds.bytes_per_second} bytes a second or more.",
            connection="close",
        )

    # Not a coroutine itself: what has no body, as most requests, costs no frame.
    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Look at what the request says of its body."""
        if scope["type"] == "http":
            length = _announced(scope["headers"])
            if length != 0:
                return self._bounded(length, scope, receive, send)
        return self._app(scope, receive, send)

    async def _bounded(
        self, length: int | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if length is not None and length > self._bounds.most_bytes:
            self._on_refusal("body size")
            await refuse(self._large, scope, receive, send)
            return
        body = _Body(self, scope, receive, send)
        try:
            await self._app(scope, body.receive, body.send)
        except Exception:
            if not body.is_cut_off:
                raise
        finally:
            self.end(body)

    def begin(self, body: _Body) -> None:
        """Note that the application waits for a body."""
        if body in self._awaited:
            return
        self._awaited[body] = None
        if len(self._awaited) > self._most_awaited:
            first = next(iter(self._awaited))
            self.end(first)
            first.give_up()

    def end(self, body: _Body) -> None:
        """Note that a body has come, or is no longer waited for."""
        self._awaited.pop(body, None)

    def excess(self, read: int) -> Refusal | None:
        """Return the refusal of a body that is larger than allowed; None if it is not."""
        if read <= self._bounds.most_bytes:
            return None
        self._on_refusal("body size")
        return self._large

    def late(self) -> Refusal:
        """Return the refusal of a body that does not come."""
        self._on_refusal("body time")
        return self._late

    def patience(self, read: int) -> float:
        """Return the seconds in which this much of a body must have come."""
        bounds = self._bounds
        return min(bounds.seconds, _GRACE_SECONDS + read / bounds.bytes_per_second)


class _Body:
    """One body on its way; after it was cut off, what the application sends is dropped."""

    __slots__ = (
        "_bodies",
        "_has_answered",
        "_is_complete",
        "_is_given_up",
        "_read",
        "_receive",
        "_scope",
        "_send",
        "_wait",
        "_waited",
        "is_cut_off",
    )

    def __init__(self, bodies: BodyMiddleware, scope: Scope, receive: Receive, send: Send) -> None:
        self._bodies = bodies
        self._scope = scope
        self._receive = receive
        self._send = send
        self._read = 0
        self._waited = 0.0
        self._wait: asyncio.Timeout | None = None
        self._is_complete = self._is_given_up = self._has_answered = self.is_cut_off = False

    async def receive(self) -> Message:
        if self.is_cut_off:
            return {"type": _DISCONNECT}
        if self._is_complete:
            return await self._receive()
        self._bodies.begin(self)
        began = monotonic()
        try:
            async with asyncio.timeout(self._patience) as self._wait:
                message = await self._receive()
        except TimeoutError:
            return await self._cut_off(self._bodies.late())
        finally:
            self._wait = None
        self._waited += monotonic() - began
        self._read += len(message.get("body", b""))
        if not message.get("more_body", False):
            self._is_complete = True
            self._bodies.end(self)
        excess = self._bodies.excess(self._read)
        return message if excess is None else await self._cut_off(excess)

    def give_up(self) -> None:
        """Wait no longer: others need the place."""
        self._is_given_up = True
        if self._wait is not None and not self._wait.expired():
            self._wait.reschedule(asyncio.get_running_loop().time())

    @property
    def _patience(self) -> float:
        return 0 if self._is_given_up else self._bodies.patience(self._read) - self._waited

    async def send(self, message: Message) -> None:
        if not self.is_cut_off:
            self._has_answered = True
            await self._send(message)

    async def _cut_off(self, answer: Refusal) -> Message:
        # Where the application has begun to answer, it may end that.
        if not self._has_answered:
            self.is_cut_off = True
            self._scope[CUT_OFF] = True
            await refuse(answer, self._scope, self._receive, self._send)
        return {"type": _DISCONNECT}


def _announced(headers: Headers) -> int | None:
    """Return how many bytes the body is said to have; None if it is not said."""
    for name, value in headers:
        if name == b"content-length":
            if len(value) > _LONGEST_LENGTH:
                return 10**_LONGEST_LENGTH
            return int(value) if value.isdigit() else None
        if name == b"transfer-encoding":
            return None
    return 0
