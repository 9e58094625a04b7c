"""Builds this machine's part in the cluster that the settings ask for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from flygate_limiter import Limiter, Store
from flygate_limiter.reload.other_quotas import OtherQuotas
from flygate_wire.share_order import SignedShareOrders
from flygate_wire.signature import Signatures
from starlette.routing import Route

from flygate_service.asgi.authenticator import Authenticator
from flygate_service.asgi.messages import App
from flygate_service.asgi.readiness import Readiness
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
from flygate_service.metrics.telemetry import Telemetry
from flygate_service.middleware.affinity import AffinityMiddleware
from flygate_service.routes.cluster import ClusterRoutes
from flygate_service.settings import ClusterSettings, Settings

from .stores import MachineCount, store_id


@dataclass(frozen=True, slots=True)
class Goods:
    """What goes from machine to machine.

    Attributes:
        store: whose buckets are handed over; None if they can't be.
        quotas: what they were filled by.
        machines: learns how many members share a quota.
    """

    store: Store | None
    quotas: OtherQuotas
    machines: MachineCount


@dataclass(frozen=True, slots=True)
class Cluster:
    """The parts that the service needs."""

    node: Node
    routes: list[Route]
    _copies: Copies
    _peers: Peers
    _settings: ClusterSettings
    _metrics: ClusterMetrics

    def in_front_of(self, app: App, limiter: Limiter) -> App:
        """The middleware."""
        cookie = AffinityCookie(derived(self._settings.key, "cookie"))
        owners = Owners(self._peers, self._metrics)
        return AffinityMiddleware(app, self.node, limiter, owners, cookie, self._metrics)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Joined, until the end."""
        try:
            async with self.node.running(), self._copies.running():
                yield
        finally:
            await self._peers.aclose()


def make_cluster(
    cluster: ClusterSettings,
    settings: Settings,
    goods: Goods,
    readiness: Readiness,
    telemetry: Telemetry,
    authenticator: Authenticator,
) -> Cluster:
    """All of it, joined to nobody yet.

    Args:
        cluster: the part of the settings that is not missing.
        settings: all of them. Where this machine listens the others do, too.
        goods: what is handed over.
        authenticator: knows who has the key.
    """
    store = goods.store
    signatures = Signatures(cluster.key)
    metrics = ClusterMetrics(telemetry.registry)
    directory = DnsDirectory(cluster.app, cluster.dns)
    orders = SignedShareOrders(cluster.key, cluster.app)
    peers = Peers(directory, settings.metrics_port, signatures, orders, settings.port)
    me = Member(cluster.machine, cluster.region)
    told = Status(affinity=cluster.affinity, store=store_id(settings.limiter))
    members = Members(
        me, directory, peers.status, derived(cluster.key, "ring"), told, peers.reached
    )
    metrics.watch_members(lambda: len(members.ring))
    metrics.watch_silent(lambda: members.silent)
    metrics.watch_share(lambda: members.order.percent if members.order else 0)
    goods.machines.follow(lambda: members.count)
    portable = store.portable if store is not None else None
    handoff = Handoff(portable, lambda: members.stores, told.store, peers, metrics)
    supervisor = Supervisor(telemetry.on_task_failure)
    node = Node(members, handoff, readiness, supervisor=supervisor)
    memory = store.instant if store is not None else None
    copies = Copies(memory, lambda: _alone(members), peers, metrics, supervisor=supervisor)
    handoff.quotas = copies.quotas = goods.quotas
    routes = ClusterRoutes(node, copies, signatures, orders, store).routes(authenticator)
    return Cluster(node, routes, copies, peers, cluster, metrics)


def _alone(members: Members) -> list[Member]:
    """The other machines with a store of their own."""
    return [member for member, store in members.stores.items() if not store]
