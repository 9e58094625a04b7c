"""Builds this machine's part in the cluster that the settings ask for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from flygate_limiter import Limiter
from flygate_wire.share_order import SignedShareOrders
from flygate_wire.signature import Signatures
from starlette.routing import Route

from flygate_service.asgi.messages import App
from flygate_service.asgi.supervisor import Supervisor
from flygate_service.cluster.cookie import AffinityCookie
from flygate_service.cluster.copies import Copies
from flygate_service.cluster.directory import DnsDirectory
from flygate_service.cluster.handoff import Handoff
from flygate_service.cluster.keys import derived
from flygate_service.cluster.members import Members, Status
from flygate_service.cluster.metrics import ClusterMetrics
from flygate_service.cluster.node import Node
from flygate_service.cluster.owners import Owners
from flygate_service.cluster.peers import Peers
from flygate_service.cluster.ring import Member
from flygate_service.middleware.affinity import AffinityMiddleware
from flygate_service.routes.cluster import ClusterRoutes
from flygate_service.settings import ClusterSettings

from .parts import Parts
from .stores import store_id


@dataclass(frozen=True, slots=True)
class Cluster:
    """This machine's part in the cluster, as far as the service needs it."""

    node: Node
    routes: list[Route]
    _copies: Copies
    _supervisor: Supervisor
    _peers: Peers
    _settings: ClusterSettings
    _metrics: ClusterMetrics

    def affinity(self, app: App, limiter: Limiter) -> App:
        """Return the middleware, in front of `app`."""
        cookie = AffinityCookie(derived(self._settings.key, "cookie"))
        owners = Owners(self._peers, self._metrics)
        return AffinityMiddleware(app, self.node, limiter, owners, cookie, self._metrics)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Take part in the cluster, until the context ends."""
        try:
            async with self.node.running(), self._copies.running(self._supervisor):
                yield
        finally:
            await self._peers.aclose()


def make_cluster(parts: Parts, settings: ClusterSettings) -> Cluster:
    """Make this machine's part, which has not joined yet.

    Args:
        settings: the part of the settings that is not missing.
    """
    store = parts.stores.portable
    signatures = Signatures(settings.key)
    orders = SignedShareOrders(settings.key, settings.app)
    metrics = ClusterMetrics(parts.telemetry.registry)
    directory = DnsDirectory(settings.app, settings.group, settings.dns)
    # The others listen where this machine does.
    ports = parts.settings.metrics_port, parts.settings.port
    peers = Peers(directory, ports[0], signatures, orders, ports[1])
    common = store_id(parts.settings.limiter)
    members = Members(
        Member(settings.machine, settings.region),
        directory,
        peers.status,
        derived(settings.key, "ring"),
        Status(affinity=settings.affinity, store=common, group=settings.group),
        peers.reached,
    )
    _watch(metrics, members)
    parts.machines.follow(lambda: members.count)
    portable = store.portable if store is not None else None
    memory = store.instant if store is not None else None
    quotas = parts.limiter.quotas
    handoff = Handoff(portable, lambda: members.stores, common, peers, metrics, quotas)
    node = Node(members, handoff, parts.readiness, parts.supervisor)
    copies = Copies(memory, lambda: _alone(members), peers, metrics, quotas)
    routes = ClusterRoutes(node, copies, signatures, orders, store).routes(parts.authenticator)
    return Cluster(node, routes, copies, parts.supervisor, peers, settings, metrics)


def _watch(metrics: ClusterMetrics, members: Members) -> None:
    metrics.watch_members(lambda: len(members.ring))
    metrics.watch_silent(lambda: members.silent)
    metrics.watch_share(lambda: members.order.percent if members.order else 0)


def _alone(members: Members) -> list[Member]:
    """Return the other machines with a store of their own."""
    return [member for member, store in members.stores.items() if not store]
