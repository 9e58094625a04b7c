"""One answer of the application, counted when it begins, or when it is plain that it won't."""

from collections.abc import Awaitable
from time import perf_counter_ns

from flygate_limiter import client_key

from flygate_service.asgi.messages import Message, Receive, Scope, Send
from flygate_service.asgi.scope_keys import CUT_OFF

from .statistics import Statistics

# These have no body as a rule, so there is none to wait for.
_BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})


class Answer:
    """Watches what goes to and comes from the application for one request.

    An error of the machine is a 5xx; an application that raises, also after it began to answer; a
    request that it ends without an answer, as where the client left before there was one; and one
    that it has had for too long. The time that a client takes to send its body is the client's.
    """

    __slots__ = (
        "_began",
        "_client",
        "_has_body",
        "_is_counted",
        "_is_error",
        "_is_uploading",
        "_receive",
        "_scope",
        "_send",
        "_statistics",
        "receive",
    )

    def __init__(self, statistics: Statistics, scope: Scope, receive: Receive, send: Send) -> None:
        """Begin to watch."""
        self._statistics = statistics
        self._scope = scope
        address = scope.get("client")
        self._client = client_key(address[0] if address else "")
        self._receive = receive
        self._send = send
        self._is_counted = False
        self._is_error = False
        self._is_uploading = False
        self._has_body = scope["method"] not in _BODILESS
        self.receive = self._receive_body if self._has_body else receive
        self._began = perf_counter_ns()
        statistics.began(self)

    async def _receive_body(self) -> Message:
        self._is_uploading = self._has_body
        message = await self._receive()
        if message["type"] == "http.disconnect":
            if self._is_uploading and not self._is_counted:  # before there was anything to answer
                self._is_counted = True
                self._statistics.ended(self)
        elif self._has_body:
            self._began = perf_counter_ns()
            self._is_uploading = False
            self._has_body = bool(message.get("more_body"))
        return message

    # Not a coroutine itself: it hands on the one of `send`, which saves a frame for each message.
    def send(self, message: Message) -> Awaitable[None]:
        """Hand a message on, and count the answer that begins with it."""
        if message["type"] == "http.response.start":
            self._count(message["status"])
        return self._send(message)

    def waited_ns(self, now_ns: int) -> int:
        """For how long the application has had the request."""
        return 0 if self._is_uploading else now_ns - self._began

    def hangs(self) -> None:
        """Count it as an error: it will not be answered, or too late."""
        self._count(504)

    def failed(self, error: Exception) -> None:
        """The application raised; the server answers with a 500 if nothing was sent yet."""
        # That the client went away while it was answered is no fault of the application's.
        if self._is_counted and not self._is_error and not self._is_gone(error):
            self._is_error = True
            self._statistics.failed(self._client)

    def ended(self) -> None:
        """Note that the application is done with the request."""
        self._count(500)

    def _count(self, status: int) -> None:
        if not self._is_counted:
            self._is_counted = True
            self._is_error = status >= 500
            self._statistics.ended(self)
            if status < 500 or CUT_OFF not in self._scope:
                self._statistics.answered(status, self._began, self._client)

    def _is_gone(self, error: Exception) -> bool:
        is_client = isinstance(error, OSError) or type(error).__name__ == "ClientDisconnect"
        return is_client or CUT_OFF in self._scope
