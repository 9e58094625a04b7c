"""Access to the API: a request id and the time on every answer, a known token where tokens are
required, and no request of a foreign web page.
"""

from email.utils import formatdate
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from localfly.accounts.tokens import Tokens
from localfly.page.router import PAGE_PATHS
from localfly.timing.clock import Clock
from localfly.timing.ulid import RequestIds

_LOCAL_NAMES: Final = frozenset({"127.0.0.1", "localhost", "::1", "_api.internal"})
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OPEN: Final = frozenset(
    {"/v1/platform/regions", "/_status", "/metrics", *PAGE_PATHS}
)  # without a token


class AccessControl:
    """ASGI middleware.

    The API starts programs, so a page in a browser must not reach it: neither by a name that
    resolves to 127.0.0.1 (Host is not ours) nor across sites (Origin is not ours). A change is
    accepted from the status page only: a page on another port of this computer is foreign, too.
    """

    def __init__(self, app: ASGIApp, request_ids: RequestIds, tokens: Tokens, clock: Clock) -> None:
        self._app = app
        self._clock = clock
        self._tokens = tokens
        self._request_ids = request_ids

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = self._request_ids.next()

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["fly-request-id"] = request_id
                headers["date"] = formatdate(self._clock(), usegmt=True)
            await send(message)

        app = self._refusal(scope["method"], scope["path"], Headers(scope=scope)) or self._app
        await app(scope, receive, send_with_id)

    def _refusal(self, method: str, path: str, headers: Headers) -> ASGIApp | None:
        if not _is_from_here(headers) or (method not in _READING and _is_of_a_page(headers)):
            return _FOREIGN
        if path in _OPEN or self._tokens.accepts(headers.get("authorization", "")):
            return None
        return _UNKNOWN_TOKEN


def _is_from_here(headers: Headers) -> bool:
    origin = headers.get("origin")
    return _is_local(f"//{headers.get('host', '')}") and (origin is None or _is_local(origin))


def _is_of_a_page(headers: Headers) -> bool:
    """Return whether a browser sends the request for a page of another origin."""
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    own = f"http://{headers.get('host', '')}"
    return origin not in {None, own} or site not in {None, "same-origin", "none"}


def _is_local(url: str) -> bool:
    try:
        name = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return name in _LOCAL_NAMES or name.endswith(".localhost")


_FOREIGN: Final = JSONResponse(
    {"error": "the local Fly answers to local names and local pages only", "status": "unknown"},
    403,
)
_UNKNOWN_TOKEN: Final = JSONResponse(
    {"error": "Authenticate: token validation error", "status": "unknown"}, 401
)
