"""Health, readiness and the limiter's probe: ours, whatever application is wrapped."""

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from service import __version__
from service.limiter import GuardedStore, Limiter, Store
from service.readiness import Readiness
from service.settings import Settings

HEALTH: Final = "/health"
READY: Final = "/readyz"
PROBE: Final = "/_flygate/probe"
# How the addresses begin by which a rollout asks for it: those of the documentation.
PROBES: Final = "2001:db8:"


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
