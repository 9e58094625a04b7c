"""Builds the service: everything is wired here, and nowhere else."""

from dataclasses import dataclass
from typing import Any

from .asgi import App, Receive, Scope, Send
from .lifespan import Lifespan
from .limiter import Limiter, Policy, PolicySet
from .middleware.client_ip import ClientIpMiddleware
from .middleware.rate_limit import RateLimitMiddleware
from .readiness import Readiness
from .routes.health import EXEMPT_PATHS, OwnPaths, health_routes
from .settings import LimiterSettings, Settings
from .stores import make_store
from .telemetry import Telemetry
from .wrapped import load


@dataclass(frozen=True, slots=True)
class Service:
    """The built service: an ASGI application, and what its server needs to know of it."""

    app: App
    readiness: Readiness
    telemetry: Telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve."""
        await self.app(scope, receive, send)


def build_app(settings: Settings, log: Any) -> Service:
    """Wire a service. A request passes: client address, limiter, own paths, application."""
    readiness = Readiness()
    telemetry = Telemetry(log)
    store = make_store(settings.limiter, telemetry)
    policies = _policies(settings.limiter)
    limiter = Limiter(policies, store, [telemetry])

    app = OwnPaths(_application(settings), health_routes(settings, readiness, policies, store))
    limited = RateLimitMiddleware(app, limiter)
    identified = ClientIpMiddleware(limited, settings.on_fly)
    return Service(Lifespan(identified, readiness, store.aclose), readiness, telemetry)


def _policies(settings: LimiterSettings) -> PolicySet:
    default = Policy("default", settings.quota, mode=settings.mode, failure=settings.failure)
    return PolicySet((default,), exempt_paths=EXEMPT_PATHS)


def _application(settings: Settings) -> App:
    if settings.app is not None:
        return load(settings.app)
    # FastAPI is most of the time that a start takes; a wrapped application may not need it.
    from .routes.api import demo_api  # noqa: PLC0415

    return demo_api(settings)
