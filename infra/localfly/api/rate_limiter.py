"""Refuses what comes too often, with Fly's 429 (docs/fly-api.md 2.1)."""

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from localfly.rate_limits import RateLimits


class RateLimiter:
    """Pure ASGI middleware."""

    def __init__(self, app: ASGIApp, limits: RateLimits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        may_pass = scope["type"] != "http" or self._limits.take(scope["method"], scope["path"])
        await (self._app if may_pass else _TOO_OFTEN)(scope, receive, send)


_TOO_OFTEN = JSONResponse({"error": "rate limit exceeded", "status": "unknown"}, 429)
