"""What affinity does, counted for Prometheus."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge

from .destination import Destination, FairShare, Here


class ClusterMetrics:
    """Counters of the ways that requests took, and of the buckets that moved."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Start at zero."""
        self._requests = Counter(
            "flygate_affinity_requests",
            "Requests through the proxy, by the way they were served.",
            ["way", "reason"],
            registry=registry,
        )
        self._given = Counter(
            "flygate_handoff_messages_given",
            "Messages with buckets that other machines took.",
            registry=registry,
        )
        self._taken = Counter(
            "flygate_handoff_buckets_taken",
            "Buckets of other machines that were taken over.",
            registry=registry,
        )
        self._ignored = Counter(
            "flygate_handoff_ignored",
            "Messages of buckets that were made by another version, or with another key.",
            ["reason"],
            registry=registry,
        )
        self._sent = Counter(
            "flygate_copies_told", "Buckets whose copies all others got.", registry=registry
        )
        self._kept = Counter(
            "flygate_copies_kept", "Copies of other machines' buckets.", registry=registry
        )
        self._failed = Counter(
            "flygate_handoff_failures", "Machines that could not be reached.", registry=registry
        )
        self._asked = Counter(
            "flygate_affinity_asked",
            "Requests that were charged to the buckets of their owner from elsewhere, or not.",
            ["outcome"],
            registry=registry,
        )
        self._registry = registry

    def watch_members(self, count: Callable[[], int]) -> None:
        """Report how many machines share the clients."""
        gauge = Gauge(
            "flygate_cluster_members", "Machines that own clients.", registry=self._registry
        )
        gauge.set_function(count)

    def watch_silent(self, count: Callable[[], int]) -> None:
        """Report how many machines do not answer this one."""
        gauge = Gauge(
            "flygate_cluster_silent",
            "Machines of the group that the DNS names and that do not answer as ours do.",
            registry=self._registry,
        )
        gauge.set_function(count)

    def watch_share(self, percent: Callable[[], int]) -> None:
        """Report what part of the clients the newest order gives to the new release."""
        gauge = Gauge(
            "flygate_cluster_share_percent",
            "Percent of the clients that the last order gave to a new release.",
            registry=self._registry,
        )
        gauge.set_function(percent)

    def served(self, destination: Destination) -> None:
        """Count a request."""
        if isinstance(destination, Here):
            labels = ("here", destination.way.value)
        elif isinstance(destination, FairShare):
            labels = ("fair_share", destination.reason.value)
        else:
            labels = ("replayed", "")
        self._requests.labels(*labels).inc()

    def asked(self, outcome: str) -> None:
        """Count a request whose owner was asked, and did or did not answer."""
        self._asked.labels(outcome).inc()

    def gave(self) -> None:
        """Count a message that another machine took."""
        self._given.inc()

    def took(self, buckets: int) -> None:
        """Count buckets that were taken over."""
        self._taken.inc(buckets)

    def ignored(self, reason: str) -> None:
        """Count a message that means nothing here."""
        self._ignored.labels(reason).inc()

    def sent(self, buckets: int) -> None:
        """Count buckets of which all others have a copy."""
        self._sent.inc(buckets)

    def kept(self, buckets: int) -> None:
        """Count copies of others' buckets."""
        self._kept.inc(buckets)

    def failed(self) -> None:
        """Count a machine that could not be reached."""
        self._failed.inc()
