"""Health, readiness and the limiter's probe: ours, whatever application is wrapped."""

from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router

from service import __version__
from service.asgi import App, Receive, Scope, Send
from service.limiter import GuardedStore, Limiter, Store
from service.readiness import Readiness
from service.settings import Settings

HEALTH: Final = "/health"
READY: Final = "/readyz"
PROBE: Final = "/_flygate/probe"

# Fly's checks and its proxy call these all the time; they must never be refused.
EXEMPT_PATHS: Final = frozenset({HEALTH, READY})


class OwnPaths:
    """Answers the service's own paths, and hands all others on."""

    def __init__(self, app: App, routes: Sequence[Route]) -> None:
        """Put our routes in front of `app`."""
        self._app = app
        self._own = Router(routes)
        self._paths = frozenset(route.path for route in routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Dispatch by path."""
        is_own = scope["type"] == "http" and scope["path"] in self._paths
        await (self._own if is_own else self._app)(scope, receive, send)


def health_routes(
    settings: Settings, readiness: Readiness, limiter: Limiter, store: Store
) -> list[Route]:
    """The three paths."""

    async def health(_: Request) -> Response:
        return JSONResponse(
            {
                "status": "ok",
                "version": __version__,
                "release": settings.release,
                "machine": settings.machine,
                "region": settings.region,
                "limiter": _limiter_summary(settings, limiter, store),
            }
        )

    async def ready(_: Request) -> Response:
        return JSONResponse({"status": readiness.word}, 200 if readiness.is_ready else 503)

    async def probe(_: Request) -> Response:
        return Response(status_code=204)

    return [Route(HEALTH, health), Route(READY, ready), Route(PROBE, probe)]


def _limiter_summary(settings: Settings, limiter: Limiter, store: Store) -> dict[str, object]:
    degraded = {"degraded": store.breaker.is_open} if isinstance(store, GuardedStore) else {}
    return {
        "algorithm": settings.limiter.algorithm,
        "storage": settings.limiter.storage,
        "policies": [
            {"name": policy.name, "quota": str(policy.quota), "mode": policy.mode.value}
            for policy in limiter.policies.policies
        ],
        "version": limiter.version,
        **degraded,
    }
