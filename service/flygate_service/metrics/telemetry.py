"""Logs and metrics: listens to the limiter, and writes JSON lines and Prometheus text."""

import hashlib
import logging
from collections.abc import Callable
from typing import Any, Final, TextIO

import structlog
from flygate_limiter import (
    Decision,
    KeyFunctionError,
    Listener,
    MemoryStore,
    Mode,
    Policy,
    Quota,
    Request,
    StoreError,
    Verdict,
)
from flygate_limiter.quota import NANOS
from flygate_wire.own_paths import PROBE
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from flygate_service.asgi.probe_clients import is_probe_client
from flygate_service.login.guard import Attempt

from .statistics import CHOOSING, Statistics

# A flood from many addresses must not fill the log either.
_ALL_REFUSALS: Final = Quota.parse("20/s burst 100")
_STORE_ERRORS: Final = Quota.parse("1/s burst 3")
_LOGGED_CLIENTS: Final = 4_096


class Telemetry(Listener):
    """Counts every verdict, and logs a refused client once per window."""

    def __init__(self, log: Any, statistics: Statistics) -> None:
        """Keep metrics in a registry of its own, so that two services fit in one process."""
        self._statistics = statistics
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._decisions = Counter(
            "flygate_limiter_decisions",
            "Decisions by policy, outcome and source.",
            ["policy", "outcome", "source"],
            registry=self.registry,
        )
        self._overflows = Counter(
            "flygate_limiter_overflow",
            "Decisions made by a shared bucket, because the memory store was full.",
            registry=self.registry,
        )
        self._store_seconds = Histogram(
            "flygate_limiter_store_seconds",
            "How long Redis took to answer, or to fail.",
            ["outcome"],
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5),
            registry=self.registry,
        )
        self._breaker = Gauge(
            "flygate_limiter_breaker_open",
            "1 while Redis is not asked, because it failed.",
            registry=self.registry,
        )
        self._logins = Counter(
            "flygate_login_attempts",
            "Login attempts by outcome.",
            ["outcome"],
            registry=self.registry,
        )
        self._key_failures = Counter(
            "flygate_limiter_key_failures",
            "Requests whose bucket a policy's key function could not name.",
            ["policy"],
            registry=self.registry,
        )
        self._full = Counter(
            "flygate_requests_full",
            "Requests that were answered 503, because the application had as many as it may.",
            registry=self.registry,
        )
        self._held = Counter(
            "flygate_requests_cut",
            "Requests that held too much: a client's share of places, a body's size or time.",
            ["reason"],
            registry=self.registry,
        )
        self._failures = Counter(
            "flygate_task_failures",
            "Work in the background that failed, and began again.",
            ["task"],
            registry=self.registry,
        )
        self._known: dict[tuple[str, str, str], Any] = {}
        self._log = log
        self._logged = MemoryStore(max_keys=_LOGGED_CLIENTS)

    def watch_memory(self, store: MemoryStore) -> None:
        """Report what the store occupies."""
        gauge = Gauge(
            "flygate_limiter_memory_bytes", "Memory held by buckets.", registry=self.registry
        )
        gauge.set_function(lambda: store.memory_bytes)
        evictions = Gauge(
            "flygate_limiter_evictions",
            "Buckets that owed little and were forgotten, because the memory store was full.",
            registry=self.registry,
        )
        evictions.set_function(lambda: store.evictions)
        self._statistics.limiter_bytes = lambda: store.memory_bytes

    def watch_requests(self, in_flight: Callable[[], int]) -> None:
        """Report how many requests the application has."""
        gauge = Gauge(
            "flygate_requests_in_flight",
            "Requests that the application has now.",
            registry=self.registry,
        )
        gauge.set_function(in_flight)

    def on_full(self) -> None:
        """Count a request that found the application full."""
        self._full.inc()

    def on_cut(self, reason: str) -> None:
        """Count a request that was refused for what it held."""
        self._held.labels(reason).inc()

    def on_task_failure(self, name: str, error: Exception) -> None:
        """Count and log it; what fails all the time is logged now and then."""
        self._failures.labels(name).inc()
        if self._logged.take_one(("task", name), _STORE_ERRORS).allowed:
            self._log.error("task failed", task=name, error=repr(error), exc_info=error)

    def on_verdict(self, request: Request, verdict: Verdict) -> None:
        """Count each policy's decision; log refusals. A rollout's own probe is no client's."""
        if is_probe(request):
            return
        for policy, decision in verdict.results:
            self._count((policy.name, _outcome(policy, decision), verdict.source))
        if not verdict.allowed:
            if not any(request.header(name.decode()) for name in CHOOSING):
                self._statistics.refuse(request.client)
            self._log_refusal(request, verdict)

    def on_login(self, outcome: str, attempt: Attempt) -> None:
        """Count an attempt; log what an operator or an owner should know of."""
        self._logins.labels(outcome).inc()
        if outcome == "succeeded" and attempt.failures > 0:
            self._log.warning("login after failures", **_hashed(attempt), failures=attempt.failures)
        elif outcome == "wrong" and attempt.is_last:
            self._log.warning("login locked", **_hashed(attempt))

    def on_key_failure(self, policy: str, error: KeyFunctionError) -> None:
        """Count and log it; what fails at each request is logged now and then."""
        self._key_failures.labels(policy).inc()
        if self._logged.take_one(("key", policy), _STORE_ERRORS).allowed:
            self._log.error("key function failed", policy=policy, error=str(error))

    def on_store_call(self, seconds: float, error: StoreError | None) -> None:
        """Measure it."""
        self._store_seconds.labels("failed" if error else "answered").observe(seconds)
        if error and self._logged.take_one(("store", type(error).__name__), _STORE_ERRORS).allowed:
            self._log.error("limiter store failed", error=str(error))

    def on_breaker(self, is_open: bool) -> None:
        """Show and log it."""
        self._breaker.set(is_open)
        self._log.warning("limiter store given up" if is_open else "limiter store back")

    def on_overflow(self) -> None:
        """Count a decision by a shared bucket."""
        self._overflows.inc()

    def _count(self, labels: tuple[str, str, str]) -> None:
        counter = self._known.get(labels)
        if counter is None:
            counter = self._known[labels] = self._decisions.labels(*labels)
        counter.inc()

    def _log_refusal(self, request: Request, verdict: Verdict) -> None:
        name, period = "deny list", 60 * NANOS
        if verdict.violated:
            policy, decision = verdict.violated[0]
            name, period = policy.name, max(NANOS, decision.quota.capacity_ns)
        if not self._logged.take_one((name, request.client), Quota(1, period)).allowed:
            return
        if not self._logged.take_one(("", ""), _ALL_REFUSALS).allowed:
            return
        self._log.warning(
            "refused",
            client=request.client,
            policy=name,
            method=request.method,
            path=request.path[:200],
            retry_after_seconds=verdict.retry_after_seconds,
        )


def is_probe(request: Request) -> bool:
    """Return whether a rollout asks, to prove the limiter: no client can have its address."""
    return request.path == PROBE and is_probe_client(request.address)


def _hashed(attempt: Attempt) -> dict[str, str]:
    """Whom it is about: the address as it is, the account so that it can be recognised only."""
    account = hashlib.sha256(attempt.account.encode()).hexdigest()[:16]
    return {"account_sha256": account, "client": attempt.network}


def _outcome(policy: Policy, decision: Decision) -> str:
    if decision.allowed:
        return "allowed"
    return "would_deny" if policy.mode is Mode.SHADOW else "denied"


def json_logs(stream: TextIO, **fields: str | None) -> Any:
    """Return a logger of one JSON object per line; the standard library logs by it, too."""
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render: list[Any] = [
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # machines talk to each other every second
    log = structlog.wrap_logger(
        structlog.PrintLogger(stream),
        processors=[*shared, *render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    return log.bind(**{name: value for name, value in fields.items() if value is not None})
