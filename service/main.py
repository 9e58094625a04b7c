"""Builds the service: everything is wired here, and nowhere else."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from .asgi import App, Receive, Scope, Send
from .lifespan import Lifespan
from .limiter import Limiter, Store
from .middleware.capacity import CapacityMiddleware
from .middleware.client_ip import ClientIpMiddleware
from .middleware.rate_limit import RateLimitMiddleware
from .own_paths import OwnPaths
from .policies import load_policies, reload_policies
from .readiness import Readiness
from .routes.admin import AdminRoutes
from .routes.health import HEALTH, READY, health_routes
from .routes.statistics import statistics_route
from .settings import Settings
from .signature import Signatures
from .statistics import Statistics, fingerprint
from .stores import close_all, make_login_store, make_store, portable_of
from .takeover import take_over
from .telemetry import Telemetry
from .wrapped import load

if TYPE_CHECKING:
    from .clusters import Cluster

# What machines ask, not users.
_CHECKS: Final = frozenset({HEALTH, READY})
_INTERNAL: Final = "/_flygate/"


@dataclass(frozen=True, slots=True)
class Service:
    """The built service: an ASGI application, and what its server needs to know of it.

    Attributes:
        reload: reads the policies again.
        leave: to be called when the service begins to drain.
    """

    app: App
    readiness: Readiness
    telemetry: Telemetry
    reload: Callable[[], None]
    leave: Callable[[], None]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve."""
        await self.app(scope, receive, send)


def build_app(settings: Settings, log: Any) -> Service:
    """Wire a service. A request passes: client address, limiter, own paths, application."""
    readiness = Readiness()
    statistics = Statistics(settings.memory_bytes, settings.key or "")
    telemetry = Telemetry(log, statistics)
    signatures = Signatures(settings.key) if settings.key else None
    store = make_store(settings, telemetry)
    stores = [store]
    limiter = Limiter(load_policies(settings.limiter), store, [telemetry])
    statistics.limits = lambda: fingerprint(limiter.policies)

    def reload() -> None:
        reload_policies(limiter, settings.limiter, log)

    routes = health_routes(settings, readiness, limiter, store, signatures)
    routes.append(statistics_route(statistics, signatures))
    guard = None
    if settings.login is not None:
        # argon2 is not needed where nobody logs in.
        from .logins import make_login  # noqa: PLC0415

        logins = make_login_store(settings, store, telemetry)
        stores.append(logins)
        guard, route = make_login(
            settings.login, settings.on_fly, settings.memory_bytes, logins, telemetry
        )
        routes.append(route)
    if settings.admin_token is not None:
        routes += AdminRoutes(settings.admin_token, limiter, guard, reload, log).routes()
    portable = portable_of(stores, settings)
    cluster = None
    if settings.cluster is not None:
        # Its client of HTTP is not needed where machines do not talk to each other.
        from .clusters import make_cluster  # noqa: PLC0415

        cluster = make_cluster(settings.cluster, settings, portable, readiness, telemetry)
        routes += cluster.routes
    uncounted = _CHECKS | {route.path for route in routes if route.path.startswith(_INTERNAL)}
    bounded = CapacityMiddleware(_application(settings), settings.max_requests, telemetry.on_full)
    telemetry.watch_requests(lambda: bounded.in_flight)
    app: App = OwnPaths(bounded, routes, statistics, uncounted)
    app = RateLimitMiddleware(app, limiter)
    if cluster is not None:
        app = cluster.in_front_of(app, limiter)
    identified = ClientIpMiddleware(
        app,
        settings.on_fly,
        settings.trusted_proxies,
        lambda sentence: log.warning("untrusted proxy", advice=sentence),
        signatures,
    )
    former = partial(take_over, settings.limiter, portable, log)
    return Service(
        Lifespan(identified, readiness, partial(_resources, stores, former, cluster)),
        readiness,
        telemetry,
        reload,
        cluster.node.leave if cluster else lambda: None,
    )


@asynccontextmanager
async def _resources(
    stores: Sequence[Store],
    former: Callable[[], Awaitable[None]],
    cluster: "Cluster | None",
) -> AsyncIterator[None]:
    """What is there while the service runs."""
    async with AsyncExitStack() as stack:
        stack.push_async_callback(close_all, stores)
        await former()
        if cluster is not None:
            await stack.enter_async_context(cluster.running())
        yield


def _application(settings: Settings) -> App:
    if settings.app is not None:
        return load(settings.app)
    # FastAPI is most of the time that a start takes; a wrapped application may not need it.
    from .routes.api import demo_api  # noqa: PLC0415

    return demo_api(settings)
