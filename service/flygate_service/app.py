"""Builds the service: it is wired here, of parts that `wiring` builds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from .asgi.lifespan import Lifespan
from .asgi.messages import App, Receive, Scope, Send
from .asgi.readiness import Readiness
from .limits import counted_by_windows
from .metrics.statistics import Statistics
from .metrics.telemetry import Telemetry
from .settings import Settings
from .wiring.application import application
from .wiring.chain import chain
from .wiring.own_routes import own_routes
from .wiring.parts import Parts
from .wiring.private import PrivateApp
from .wiring.resources import resources

if TYPE_CHECKING:
    from .wiring.cluster import Cluster
    from .wiring.login import Login


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
    """Wire a service; what a request passes, and in which order, is in `wiring/chain.py`.

    Raises:
        SettingError: a setting names what is not there, or has a mistake.
    """
    with counted_by_windows(settings.limiter.is_sliding_window):
        parts = Parts.of(settings, log)
        login, cluster = _login(parts), _cluster(parts)
        routes = own_routes(parts, login, cluster)
        app = chain(parts, routes, application(settings, log), cluster)
    return Service(
        Lifespan(app, parts.readiness, partial(resources, parts, cluster)),
        PrivateApp(routes, parts.telemetry.registry),
        parts.readiness,
        parts.telemetry,
        parts.statistics,
        parts.reload,
        cluster.node.leave if cluster else lambda: None,
    )


def _login(parts: Parts) -> Login | None:
    if parts.settings.login is None:
        return None
    # Without a login there is no need for argon2.
    from .wiring.login import make_login  # noqa: PLC0415

    return make_login(parts, parts.settings.login)


def _cluster(parts: Parts) -> Cluster | None:
    if parts.settings.cluster is None:
        return None
    # Machines that do not talk to each other need no client of HTTP.
    from .wiring.cluster import make_cluster  # noqa: PLC0415

    return make_cluster(parts, parts.settings.cluster)
