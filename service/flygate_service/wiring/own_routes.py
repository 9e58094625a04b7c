"""Builds the routes that the service answers itself, as far as the settings ask for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from flygate_service.routes.admin import AdminRoutes
from flygate_service.routes.health import health_routes
from flygate_service.routes.statistics import statistics_route

from .parts import Parts

if TYPE_CHECKING:
    from .cluster import Cluster
    from .login import Login


def own_routes(parts: Parts, login: Login | None, cluster: Cluster | None) -> list[Route]:
    """Return the routes, in front of the application's."""
    settings, limiter = parts.settings, parts.limiter
    routes = health_routes(
        settings, parts.readiness, limiter, parts.stores.requests, parts.signatures
    )
    routes.append(statistics_route(parts.statistics, parts.authenticator))
    if login is not None:
        routes.append(login.route)
    if settings.admin_token is not None:
        unlock = login.unlock if login is not None else None
        admin = AdminRoutes(settings.admin_token, limiter, unlock, parts.reload, parts.log)
        routes += admin.routes()
    if cluster is not None:
        routes += cluster.routes
    return routes
