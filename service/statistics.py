"""What this process has answered so far, counted for the rollout's judge."""

import hashlib
import os
import secrets
import sys
from bisect import bisect_right
from collections.abc import Callable
from time import monotonic, perf_counter_ns
from typing import Any, Final

from .limiter import PolicySet

# The form of `snapshot`; who reads it refuses another one.
SCHEMA: Final = 1

# Latency buckets: a factor of 2 ** (1 / 16) each, 4.4 %, from 16 µs to over a minute.
FIRST_NS: Final = 16_384
PER_OCTAVE: Final = 16
_OCTAVES: Final = 22
_EDGES: Final = tuple(
    round(FIRST_NS * 2 ** (number / PER_OCTAVE)) for number in range(_OCTAVES * PER_OCTAVE + 1)
)


class Statistics:
    """Counters since the process began. They only ever grow, so readers take differences.

    Attributes:
        served: requests that the application answered, or failed to answer.
        errors: those of them that ended with a 5xx.
        refused: requests that the limiter refused.
        limiter_bytes: what the limiter's table occupies now.
        limits: names the limits that apply now; the same name, the same limits.
    """

    def __init__(self, memory_bytes: int = 0) -> None:
        """Begin to count.

        Args:
            memory_bytes: what the machine has, or 0 if nobody knows.
        """
        self.served = 0
        self.errors = 0
        self.refused = 0
        self.limiter_bytes: Callable[[], int] = lambda: 0
        self.limits: Callable[[], str] = lambda: ""
        self._latency = [0] * (len(_EDGES) + 1)
        self._memory_bytes = memory_bytes
        # Tells a restart: the counters begin again.
        self._boot = secrets.token_hex(8)
        self._began = monotonic()

    def answered(self, status: int, began_ns: int) -> None:
        """Count an answer whose first byte is about to go out.

        Args:
            began_ns: `perf_counter_ns` when the request came.
        """
        self.served += 1
        if status >= 500:
            self.errors += 1
        elif status != 429:
            # An error or a refusal is quick or slow for reasons of its own.
            self._latency[bisect_right(_EDGES, perf_counter_ns() - began_ns)] += 1

    def snapshot(self) -> dict[str, Any]:
        """All of it, as plain JSON."""
        return {
            "schema": SCHEMA,
            "boot": self._boot,
            "uptime_seconds": round(monotonic() - self._began, 3),
            "served": self.served,
            "errors": self.errors,
            "refused": self.refused,
            "limits": self.limits(),
            "latency": {
                "first_ns": FIRST_NS,
                "per_octave": PER_OCTAVE,
                # Bucket i has what is below first_ns * 2 ** (i / per_octave), and not below i - 1.
                "counts": [[i, count] for i, count in enumerate(self._latency) if count],
            },
            "memory": {
                "rss_bytes": _resident_bytes(),
                "limiter_bytes": self.limiter_bytes(),
                "limit_bytes": self._memory_bytes,
            },
        }


def fingerprint(policies: PolicySet) -> str:
    """The same text for the same limits."""
    limits = [(p.name, str(p.quota), p.mode.value, p.cost) for p in policies.policies]
    return hashlib.sha256(repr(limits).encode()).hexdigest()[:12]


def _resident_bytes() -> int:
    """The memory that this process occupies now; where that can't be read, the most it did."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import resource  # noqa: PLC0415 - there is none on Windows

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
