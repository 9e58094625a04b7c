"""Builds the service: everything is wired here, and nowhere else."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from flygate_limiter import Limiter, Store
from flygate_wire.own_paths import EXEMPT_PATHS, is_internal
from flygate_wire.signature import Signatures

from .asgi.authenticator import Authenticator
from .asgi.lifespan import Lifespan
from .asgi.messages import App, Receive, Scope, Send
from .asgi.readiness import Readiness
from .limits import counted_by_windows
from .metrics.statistics import Statistics, fingerprint
from .metrics.telemetry import Telemetry
from .middleware.bodies import BodyMiddleware
from .middleware.capacity import CapacityMiddleware
from .middleware.client_ip import ClientIpMiddleware
from .middleware.cors import CorsApplication, CorsMiddleware
from .middleware.dispatch import Dispatch
from .middleware.exempt import ExemptMiddleware
from .middleware.places import PlacesMiddleware
from .middleware.rate_limit import RateLimitMiddleware
from .middleware.replay_filter import ReplayFilter
from .routes.admin import AdminRoutes
from .routes.health import health_routes
from .routes.statistics import statistics_route
from .settings import Settings
from .wiring.policy_loader import load_policies, preflight_policy, reload_policies
from .wiring.private import PrivateApp
from .wiring.stores import MachineCount, close_all, make_login_store, make_store, portable_of
from .wiring.takeover import take_over
from .wiring.wrapped import load

if TYPE_CHECKING:
    from .wiring.cluster import Cluster


@dataclass(frozen=True, slots=True)
class Service:
    """The built service: an ASGI application, and what its server needs to know of it.

    Attributes:
        reload: reads the policies again.
        leave: to be called when the service begins to drain.
        private: the application of the private listener.
        statistics: what the judge reads.
    """

    app: App
    private: PrivateApp
    readiness: Readiness
    telemetry: Telemetry
    statistics: Statistics
    reload: Callable[[], None]
    leave: Callable[[], None]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve."""
        await self.app(scope, receive, send)


def build_app(settings: Settings, log: Any) -> Service:
    """Wire a service. The order of what a request passes is in `_in_order`."""
    with counted_by_windows(settings.limiter.is_sliding_window):
        return _build(settings, log)


def _build(settings: Settings, log: Any) -> Service:
    readiness = Readiness()
    statistics = Statistics(settings.memory_bytes, settings.key or "")
    telemetry = Telemetry(log, statistics)
    signatures = Signatures(settings.key) if settings.key else None
    machines = MachineCount(settings.limiter.machines)
    store = make_store(settings, telemetry, machines)
    stores = [store]
    limiter = Limiter(load_policies(settings.limiter), store, [telemetry])
    statistics.limits = lambda: fingerprint(limiter.policies)

    def reload() -> None:
        reload_policies(limiter, settings.limiter, log)

    routes = health_routes(settings, readiness, limiter, store, signatures)
    authenticator = Authenticator(signatures)
    routes.append(statistics_route(statistics, authenticator))
    unlock = None
    if settings.login is not None:
        # argon2 is not needed where nobody logs in.
        from .wiring.login import make_login  # noqa: PLC0415

        logins = make_login_store(settings, store, telemetry, machines)
        stores.append(logins)
        unlock, route = make_login(
            settings.login, settings.on_fly, settings.memory_bytes, logins, telemetry
        )
        routes.append(route)
    if settings.admin_token is not None:
        routes += AdminRoutes(settings.admin_token, limiter, unlock, reload, log).routes()
    portable = portable_of(stores)
    cluster = None
    if settings.cluster is not None:
        # Its client of HTTP is not needed where machines do not talk to each other.
        from .wiring.cluster import Goods, make_cluster  # noqa: PLC0415

        goods = Goods(portable, limiter.quotas, machines)
        cluster = make_cluster(
            settings.cluster, settings, goods, readiness, telemetry, authenticator
        )
        routes += cluster.routes
    application = CorsApplication(_application(settings, log))
    bounded = CapacityMiddleware(application, settings.max_requests, telemetry.on_full)
    telemetry.watch_requests(lambda: bounded.in_flight)
    # What machines ask, not users.
    uncounted = {route.path for route in routes if is_internal(route.path)} | EXEMPT_PATHS.keys()
    own = Dispatch(bounded, routes, statistics, frozenset(uncounted))
    app = _in_order(own, settings, limiter, telemetry, cluster)
    app = CorsMiddleware(app, application, frozenset(route.path for route in routes))
    app = ExemptMiddleware(app, own.router, authenticator)
    app = ClientIpMiddleware(
        app,
        settings.on_fly,
        settings.trusted_proxies,
        lambda sentence: log.warning("untrusted proxy", advice=sentence),
        signatures,
        settings.fly_proxy,
    )
    former = partial(take_over, settings.limiter, portable, log, limiter.quotas)
    return Service(
        Lifespan(app, readiness, partial(_resources, stores, former, cluster)),
        PrivateApp(routes, telemetry.registry),
        readiness,
        telemetry,
        statistics,
        reload,
        cluster.node.leave if cluster else lambda: None,
    )


def _in_order(
    own: App,
    settings: Settings,
    limiter: Limiter,
    telemetry: Telemetry,
    cluster: "Cluster | None",
) -> App:
    """What every request passes that is not exempt, from the inside outwards.

    Read it from its end: who it is (`client_ip`); whether it is exempt, which leads past all that
    follows (`door`); what a refusal tells a page of another origin (`cors`); whether it is for this
    machine; whether it is within its limit; whether its client holds too much already; whether its
    body may be. Then come the service's own paths, and what is left of the application's places
    (`capacity`).
    """
    app: App = BodyMiddleware(
        own, settings.body, 2 * settings.max_requests_per_client, telemetry.on_cut
    )
    app = PlacesMiddleware(app, settings.max_requests_per_client, telemetry.on_cut)
    preflights = preflight_policy(settings.limiter)
    if preflights is not None:
        limiter.use(preflights)
    app = RateLimitMiddleware(app, limiter, preflights)
    return app if cluster is None else cluster.in_front_of(app, limiter)


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


def _application(settings: Settings, log: Any) -> App:
    if settings.app is not None:
        app = load(settings.app)
        if settings.allows_replay:
            return app
        advice = "its answers give Fly Proxy no orders; SERVICE_ALLOW_REPLAY=1 lets them"
        return ReplayFilter(
            app, lambda path: log.warning("replay dropped", path=path, advice=advice)
        )
    # FastAPI is most of the time that a start takes; a wrapped application may not need it.
    from .routes.api import demo_api  # noqa: PLC0415

    return demo_api(settings)
