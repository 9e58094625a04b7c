"""What browsers may show of our refusals to the pages of other origins: what the application says.

A refusal never reaches the application's own CORS middleware. Without its fields a browser reports
"failed to fetch" to a page, and not 429, and the page comes again at once.
"""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import Final

from flygate_limiter import Buckets, parse
from flygate_limiter.headers import Fields

from flygate_service.asgi.messages import App, Headers, Message, Receive, Scope, Send, first_value

_ALLOW: Final = b"access-control-allow-origin"
_CREDENTIALS: Final = b"access-control-allow-credentials"
_EXPOSE: Final = b"access-control-expose-headers"
_ASKS_FOR: Final = b"access-control-request-method"
_OURS: Final = (_EXPOSE, b"RateLimit, RateLimit-Policy, Retry-After")

# The origin of the page that asks.
_ORIGIN: Final = "flygate.origin"
# The application has begun to answer: what it says of origins is its own affair.
_ANSWERED: Final = "flygate.answered"
# What we refuse with; the application's paths only.
_REFUSALS: Final = frozenset({403, 408, 413, 422, 429, 431, 503})

_MOST_ORIGINS: Final = 1_024
_LONGEST_ORIGIN: Final = 256
_ANSWER_SECONDS: Final = 1
# A client that makes up origins must not make each refusal a request to the application.
_ASKS: Final = parse("10/s burst 20")


class CorsApplication:
    """The application, and what it is known to allow to each origin.

    That is learned from its answers. If an origin is refused before it got one, the application is
    asked as a browser asks it, with a preflight.
    """

    def __init__(self, app: App) -> None:
        """Know nothing yet."""
        self._app = app
        self._known: dict[bytes, Fields] = {}
        self._may_ask = Buckets(_ASKS).hit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, and listen to what is answered to a page of another origin."""
        origin = scope.get(_ORIGIN)
        if origin is None:
            await self._app(scope, receive, send)
            return

        def learning(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                scope[_ANSWERED] = True
                fields = _cors_fields(message.get("headers", ()))
                if fields:
                    self._learn(origin, fields)
            return send(message)

        await self._app(scope, receive, learning)

    async def allowed(self, scope: Scope, origin: bytes) -> Fields:
        """Return what a refusal of this request says of its origin."""
        if origin not in self._known and self._may_ask(""):
            self._learn(origin, await self._ask(scope, origin))
        fields = self._known.get(origin, [])
        return [*fields, _OURS, (b"vary", b"Origin")] if fields else []

    def _learn(self, origin: bytes, fields: Fields) -> None:
        self._known.pop(origin, None)
        if len(self._known) >= _MOST_ORIGINS:
            del self._known[next(iter(self._known))]  # the one that was not heard of for longest
        self._known[origin] = fields

    async def _ask(self, scope: Scope, origin: bytes) -> Fields:
        found: Fields = []
        asked = scope["method"].encode("latin-1")
        headers = [(name, value) for name, value in scope["headers"] if name == b"host"]
        preflight = {
            **{name: value for name, value in scope.items() if not name.startswith("flygate.")},
            "method": "OPTIONS",
            "query_string": b"",
            "headers": [*headers, (b"origin", origin), (_ASKS_FOR, asked)],
        }

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                found.extend(_cors_fields(message.get("headers", ())))

        # What goes wrong in the application then is not this client's affair.
        with suppress(Exception):
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self._app(preflight, receive, send)
        return found


class CorsMiddleware:
    """Says in our refusals what the application would have said of the origin.

    And it lets pages read the RateLimit fields wherever the application lets them read an answer.

    Args:
        app: what refuses, and the application behind it.
        application: the same application, as what comes next hands on to it.
        own_paths: paths of the service's own, of which the application says nothing.
    """

    def __init__(self, app: App, application: CorsApplication, own_paths: frozenset[str]) -> None:
        """Wrap `app`."""
        self._app = app
        self._application = application
        self._own_paths = own_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on; add to what comes back."""
        origin = _origin_of(scope)
        if origin is None or scope["path"] in self._own_paths:
            await self._app(scope, receive, send)
            return
        scope[_ORIGIN] = origin

        async def send_with_fields(message: Message) -> None:
            if message["type"] == "http.response.start":
                more = await self._more(scope, origin, message)
                if more:
                    message["headers"] = [*message.get("headers", ()), *more]
            await send(message)

        await self._app(scope, receive, send_with_fields)

    async def _more(self, scope: Scope, origin: bytes, message: Message) -> Fields:
        if _cors_fields(message.get("headers", ())):
            return [_OURS]
        if message["status"] in _REFUSALS and not scope.get(_ANSWERED):
            return await self._application.allowed(scope, origin)
        return []


def is_preflight(headers: Headers) -> bool:
    """Return whether a request with OPTIONS only asks whether another one may be sent."""
    has_origin = first_value(headers, b"origin") is not None
    return has_origin and first_value(headers, _ASKS_FOR) is not None


def _origin_of(scope: Scope) -> bytes | None:
    """Return the origin of the page that sends a request, if a browser names one."""
    if scope["type"] == "http":
        for name, value in scope["headers"]:
            if name == b"origin":
                return value if len(value) <= _LONGEST_ORIGIN else None
    return None


def _cors_fields(headers: Headers) -> Fields:
    """Return what an answer says of its origin; nothing, if it allows none."""
    wanted = (_ALLOW, _CREDENTIALS, _EXPOSE)
    found = [(name.lower(), value) for name, value in headers if name.lower() in wanted]
    return found if any(name == _ALLOW for name, _ in found) else []
