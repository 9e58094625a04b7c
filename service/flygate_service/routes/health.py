"""Health, readiness and the limiter's probe: ours, whatever application is wrapped."""

from flygate_limiter import Limiter, Store
from flygate_wire.own_paths import HEALTH, PROBE, READY
from flygate_wire.signature import Signatures
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from flygate_service import __version__
from flygate_service.asgi.authenticator import nonce_of
from flygate_service.asgi.bearer import bears
from flygate_service.asgi.readiness import Readiness
from flygate_service.asgi.scope_keys import PRIVATE
from flygate_service.settings import Settings


def health_routes(
    settings: Settings,
    readiness: Readiness,
    limiter: Limiter,
    store: Store,
    signatures: Signatures | None,
) -> list[Route]:
    """Return the routes of health, readiness and probe."""

    async def health(request: Request) -> Response:
        found: dict[str, object] = {
            "status": "ok",
            "degraded": store.health is not None and store.health.is_degraded,
            "version": __version__,
        }
        if _may_know(request, settings.admin_token, signatures):
            found |= _details(settings, limiter, store)
        return JSONResponse(found, headers={"cache-control": "no-store"})

    async def ready(_: Request) -> Response:
        return JSONResponse({"status": readiness.word}, 200 if readiness.is_ready else 503)

    async def probe(_: Request) -> Response:
        return Response(status_code=204)

    return [Route(HEALTH, health), Route(READY, ready), Route(PROBE, probe)]


def _may_know(request: Request, token: str | None, signatures: Signatures | None) -> bool:
    """Return whether the details are shown: to the private network, an operator and the engine.

    An operator has the token, the engine a signature. To others a map would be a target.
    """
    if request.scope.get(PRIVATE):
        return True
    if token is not None and bears(request.headers.get("authorization", ""), token):
        return True
    return signatures is not None and nonce_of(signatures, request.scope) is not None


def _details(settings: Settings, limiter: Limiter, store: Store) -> dict[str, object]:
    return {
        "release": settings.release,
        "machine": settings.machine,
        "region": settings.region,
        "limiter": {**_limiter_summary(settings, limiter), **_store_summary(store)},
    }


def _store_summary(store: Store) -> dict[str, object]:
    """Return whether Redis answers, and why it does not."""
    health = store.health
    if health is None:
        return {}
    problem = {"problem": health.problem} if health.is_degraded else {}
    return {"degraded": health.is_degraded, **problem}


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
