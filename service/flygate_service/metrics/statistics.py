"""What this process has answered so far, counted for the rollout's judge."""

import hashlib
import os
import secrets
import sys
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from time import monotonic, perf_counter_ns
from typing import Final, Protocol

from flygate_limiter import PolicySet
from flygate_wire.statistics_schema import (
    BOUNDS_NS,
    FIRST_NS,
    GROUPS,
    PER_OCTAVE,
    SCHEMA,
    Counts,
    Descriptors,
    MachineStatistics,
    group_of,
)

from flygate_service.asgi.fly_headers import FORCE_INSTANCE, PREFER_INSTANCE
from flygate_service.asgi.messages import Headers

# How many clients have their errors counted one by one: those with the latest ones.
CLIENTS_MAX: Final = 64
# A request that has waited so long for the application will not be answered.
HANGS_SECONDS: Final = 10.0

# Bounded: a flood of addresses makes the cache useless, not large.
_CACHED: Final = 4_096

_DESCRIPTORS: Final = "/proc/self/fd"

# Who sends these picks the machine that answers, and so the release that looks bad.
CHOOSING: Final = frozenset({FORCE_INSTANCE, PREFER_INSTANCE})


class Waiting(Protocol):
    """A request that the application has and has not begun to answer."""

    def waited_ns(self, now_ns: int) -> int:
        """For how long, by the application's fault."""
        ...

    def hangs(self) -> None:
        """Count it as an error."""
        ...


class Group:
    """The counters of a part of the clients.

    Attributes:
        served: requests that the application answered, or failed to answer.
        errors: those of them that ended with a 5xx, broke off, or never ended.
        refused: requests that the limiter refused.
    """

    __slots__ = ("errors", "latency", "refused", "served")

    def __init__(self) -> None:
        """Begin to count."""
        self.served = 0
        self.errors = 0
        self.refused = 0
        self.latency = [0] * (len(BOUNDS_NS) + 1)


class Statistics:
    """Counters since the process began. They only ever grow, so readers take differences.

    Clients are never named: a keyed hash stands for each, which is the same on all machines of an
    app and says nothing of an address.

    Attributes:
        limiter_bytes: what the limiter's table occupies now.
        connections: how many clients' connections are open now.
        limits: names the limits that apply now; the same name, the same limits.
    """

    def __init__(self, memory_bytes: int = 0, key: str = "") -> None:
        """Begin to count.

        Args:
            memory_bytes: what the machine has, or 0 if it is not known.
            key: that all machines of the app share; clients can't know their group without it.
        """
        self.limiter_bytes: Callable[[], int] = lambda: 0
        self.connections: Callable[[], int] = lambda: 0
        self.limits: Callable[[], str] = lambda: ""
        self._groups = tuple(Group() for _ in range(GROUPS))
        # The client with the latest error last.
        self._errors: OrderedDict[str, int] = OrderedDict()
        # In the order in which they came.
        self._waiting: dict[Waiting, None] = {}
        self._memory_bytes = memory_bytes
        self._name = _namer(key)
        self._group = lru_cache(maxsize=_CACHED)(self._find_group)
        # Another one after a restart, with which the counters begin again.
        self._boot = secrets.token_hex(8)
        self._began = monotonic()

    def began(self, request: Waiting) -> None:
        """Note that the application has a request."""
        self._waiting[request] = None

    def ended(self, request: Waiting) -> None:
        """Note that the application has begun to answer, or given up."""
        self._waiting.pop(request, None)

    def answered(self, status: int, began_ns: int, client: str) -> None:
        """Count an answer whose first byte is about to go out.

        Args:
            began_ns: `perf_counter_ns` when the application had the request.
            client: its `client_key`.
        """
        group = self._group(client)
        group.served += 1
        if status >= 500:
            self.failed(client)
        elif status != 429:
            # An error or a refusal is quick or slow for reasons of its own.
            group.latency[bisect_right(BOUNDS_NS, perf_counter_ns() - began_ns)] += 1

    def failed(self, client: str) -> None:
        """Count the error of a request that was counted as served."""
        self._group(client).errors += 1
        self._errors[client] = self._errors.pop(client, 0) + 1
        if len(self._errors) > CLIENTS_MAX:
            self._errors.popitem(last=False)

    def refuse(self, client: str) -> None:
        """Count a request that the limiter refused."""
        self._group(client).refused += 1

    def snapshot(self) -> MachineStatistics:
        """Return all counters, as plain JSON."""
        self._look_for_hanging()
        groups = self._groups
        return {
            "schema": SCHEMA,
            "boot": self._boot,
            "uptime_seconds": round(monotonic() - self._began, 3),
            "served": sum(group.served for group in groups),
            "errors": sum(group.errors for group in groups),
            "refused": sum(group.refused for group in groups),
            "limits": self.limits(),
            "latency": {
                "first_ns": FIRST_NS,
                "per_octave": PER_OCTAVE,
                "counts": _counts(
                    [sum(found) for found in zip(*(g.latency for g in groups), strict=True)]
                ),
            },
            # The same counters by group of clients.
            "groups": [
                {
                    "served": group.served,
                    "errors": group.errors,
                    "refused": group.refused,
                    "latency": _counts(group.latency),
                }
                for group in groups
            ],
            # Of the clients with the latest errors: all that each had.
            "clients": {self._name(client): count for client, count in self._errors.items()},
            "memory": {
                "rss_bytes": _resident_bytes(),
                "limiter_bytes": self.limiter_bytes(),
                "limit_bytes": self._memory_bytes,
            },
            "descriptors": self._descriptors(),
        }

    def _find_group(self, client: str) -> Group:
        return self._groups[group_of(self._name(client))]

    def _descriptors(self) -> Descriptors | None:
        """Return the open files and sockets of this process; None where they can't be counted."""
        limit = _descriptors_max()
        if limit is None:
            return None
        try:
            # The folder itself is open while it is read.
            count = len(os.listdir(_DESCRIPTORS)) - 1
        except OSError:
            return None
        return {"open": count, "connections": self.connections(), "limit": limit}

    def _look_for_hanging(self) -> None:
        now = perf_counter_ns()
        for request in list(self._waiting):
            if request.waited_ns(now) > HANGS_SECONDS * 1e9:
                request.hangs()


def chooses_its_machine(headers: Headers) -> bool:
    """Return whether a request names the machine that shall answer it.

    Such a request says nothing of the release as users meet it, and by it a client could make one
    of two releases look bad: the judge's counters leave it out.
    """
    return any(name in CHOOSING for name, _ in headers)


def fingerprint(policies: PolicySet) -> str:
    """Return a name for the limits: the same for the same ones."""
    limits = [(p.name, str(p.quota), p.mode.value, p.cost) for p in policies.policies]
    return hashlib.sha256(repr(limits).encode()).hexdigest()[:12]


def _namer(key: str) -> Callable[[str], str]:
    secret = hashlib.sha256(f"statistics {key}".encode()).digest()

    def name(client: str) -> str:
        text = client.encode("utf-8", "surrogateescape")
        return hashlib.blake2s(text, key=secret, digest_size=6).hexdigest()

    return name


def _counts(buckets: list[int]) -> Counts:
    return [[number, count] for number, count in enumerate(buckets) if count]


def _descriptors_max() -> int | None:
    """Return how many this process may have open; None where there is no such limit."""
    try:
        import resource  # noqa: PLC0415 - there is none on Windows
    except ImportError:
        return None
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if most == resource.RLIM_INFINITY else most


def _resident_bytes() -> int:
    """Return the memory that this process has now; where that can't be read, the most it had."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import resource  # noqa: PLC0415 - there is none on Windows

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
