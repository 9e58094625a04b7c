"""Builds what a request passes on its way to the application, in this order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flygate_wire.own_paths import EXEMPT_PATHS, is_internal
from starlette.routing import Route

from flygate_service.asgi.messages import App
from flygate_service.middleware.bodies import BodyMiddleware
from flygate_service.middleware.capacity import CapacityMiddleware
from flygate_service.middleware.client_ip import ClientIpMiddleware
from flygate_service.middleware.cors import CorsApplication, CorsMiddleware
from flygate_service.middleware.dispatch import Dispatch
from flygate_service.middleware.exempt import ExemptMiddleware
from flygate_service.middleware.places import PlacesMiddleware
from flygate_service.middleware.rate_limit import RateLimitMiddleware

from .parts import Parts
from .policy_loader import preflight_policy

if TYPE_CHECKING:
    from .cluster import Cluster


def chain(parts: Parts, routes: Sequence[Route], app: App, cluster: Cluster | None) -> App:
    """Put everything in front of an application, from the inside outwards.

    Read it from its end: who asks (`client_ip`); whether the request is exempt, which leads past
    all that follows (`exempt`); what a refusal says to a page of another origin (`cors`); whether
    it is for this machine (`affinity`); whether it is within its limit (`rate_limit`); whether its
    client holds too much already (`places`); whether its body is acceptable (`bodies`). Then come
    the service's own paths (`dispatch`), and the application, if it has room (`capacity`).
    """
    settings, limiter, telemetry = parts.settings, parts.limiter, parts.telemetry
    application = CorsApplication(app)
    bounded = CapacityMiddleware(application, settings.max_requests, telemetry.on_full)
    telemetry.watch_requests(lambda: bounded.in_flight)
    own = Dispatch(bounded, routes, parts.statistics, _uncounted(routes))

    per_client = settings.max_requests_per_client
    app = BodyMiddleware(own, settings.body, 2 * per_client, telemetry.on_cut)
    app = PlacesMiddleware(app, per_client, telemetry.on_cut)
    preflights = preflight_policy(settings.limiter)
    if preflights is not None:
        limiter.use(preflights)
    app = RateLimitMiddleware(app, limiter, preflights)
    if cluster is not None:
        app = cluster.affinity(app, limiter)
    app = CorsMiddleware(app, application, frozenset(route.path for route in routes))
    app = ExemptMiddleware(app, own.router, parts.authenticator)
    return ClientIpMiddleware(
        app,
        settings.on_fly,
        settings.trusted_proxies,
        lambda advice: parts.log.warning("untrusted proxy", advice=advice),
        parts.signatures,
        settings.fly_proxy,
    )


def _uncounted(routes: Sequence[Route]) -> frozenset[str]:
    """Return the paths that machines ask for, not users."""
    return (
        frozenset(route.path for route in routes if is_internal(route.path)) | EXEMPT_PATHS.keys()
    )
