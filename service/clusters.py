"""Builds this machine's part in the cluster that the settings ask for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.routing import Route

from .asgi import App
from .cluster.cookie import AffinityCookie
from .cluster.directory import DnsDirectory
from .cluster.fingerprint import derived
from .cluster.handoff import Handoff
from .cluster.members import Members
from .cluster.metrics import ClusterMetrics
from .cluster.node import Node
from .cluster.peers import Peers
from .cluster.ring import Member
from .limiter import Limiter, MemoryStore, Store
from .middleware.affinity import AffinityMiddleware
from .readiness import Readiness
from .routes.cluster import ClusterRoutes
from .settings import ClusterSettings
from .signature import Signatures
from .telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class Cluster:
    """The parts that the service needs."""

    node: Node
    routes: list[Route]
    _peers: Peers
    _settings: ClusterSettings
    _metrics: ClusterMetrics

    def in_front_of(self, app: App, limiter: Limiter) -> App:
        """The middleware."""
        cookie = AffinityCookie(derived(self._settings.key, "cookie"))
        here = self._settings.machine
        return AffinityMiddleware(app, here, self.node, limiter, cookie, self._metrics)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Joined, until the end."""
        try:
            async with self.node.running():
                yield
        finally:
            await self._peers.aclose()


def make_cluster(
    settings: ClusterSettings, port: int, store: Store, readiness: Readiness, telemetry: Telemetry
) -> Cluster:
    """All of it, joined to nobody yet.

    Args:
        port: where this machine listens, and so do the others.
        store: whose buckets are handed over, if they are in memory.
    """
    signatures = Signatures(settings.key)
    metrics = ClusterMetrics(telemetry.registry)
    directory = DnsDirectory(settings.app, settings.dns)
    peers = Peers(directory, port, signatures)
    me = Member(settings.machine, settings.region)
    members = Members(me, directory, peers.status, derived(settings.key, "ring"))
    metrics.watch_members(lambda: len(members.ring))
    memory = store if isinstance(store, MemoryStore) else None
    handoff = Handoff(memory, lambda: members.peers, peers, metrics)
    node = Node(members, handoff, readiness)
    return Cluster(node, ClusterRoutes(node, signatures).routes(), peers, settings, metrics)
