"""Health, readiness and the limiter's probe: ours, whatever application is wrapped."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from service import __version__
from service.limiter import GuardedStore, Limiter, Store
from service.paths import HEALTH, PROBE, READY
from service.readiness import Readiness
from service.settings import Settings


def health_routes(
    settings: Settings, readiness: Readiness, limiter: Limiter, store: Store
) -> list[Route]:
    """The three paths."""

    async def health(request: Request) -> Response:
        return JSONResponse(
            {
                "status": "ok",
                "version": __version__,
                "release": settings.release,
                "machine": settings.machine,
                "region": settings.region,
                "limiter": {
                    **_limiter_summary(settings, limiter),
                    **_store_summary(store, is_inside=_is_inside(request)),
                },
            }
        )

    async def ready(_: Request) -> Response:
        return JSONResponse({"status": readiness.word}, 200 if readiness.is_ready else 503)

    async def probe(_: Request) -> Response:
        return Response(status_code=204)

    return [Route(HEALTH, health), Route(READY, ready), Route(PROBE, probe)]


def _is_inside(request: Request) -> bool:
    """It came through no proxy: the release's own smoke check is run inside the machine."""
    return not {"fly-client-ip", "x-forwarded-for", "forwarded"} & set(request.headers)


def _store_summary(store: Store, *, is_inside: bool) -> dict[str, object]:
    """Whether Redis answers; why it does not is for operators, as it names the server."""
    if not isinstance(store, GuardedStore):
        return {}
    degraded = store.breaker.is_open
    problem = {"problem": store.problem} if degraded and is_inside else {}
    return {"degraded": degraded, **problem}


def _limiter_summary(settings: Settings, limiter: Limiter) -> dict[str, object]:
    return {
        "algorithm": settings.limiter.algorithm,
        "storage": settings.limiter.storage,
        "policies": [
            {"name": policy.name, "quota": str(policy.quota), "mode": policy.mode.value}
            for policy in limiter.policies.policies
        ],
        "version": limiter.version,
    }
