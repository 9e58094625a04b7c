"""The form of a machine's counters: the service writes them, the rollout's judge reads them."""

from __future__ import annotations

from typing import Final, TypedDict

# A reader refuses another one.
SCHEMA: Final = 1

# Latency buckets: bucket i has what is below FIRST_NS * 2 ** (i / PER_OCTAVE), and not below that
# of i - 1. Each is 4.4 % wider than the one before, from 16 µs to over a minute.
FIRST_NS: Final = 16_384
PER_OCTAVE: Final = 16
_OCTAVES: Final = 22
BOUNDS_NS: Final = tuple(
    round(FIRST_NS * 2 ** (number / PER_OCTAVE)) for number in range(_OCTAVES * PER_OCTAVE + 1)
)

# Clients are counted in groups, so that the judge can leave any one of them out.
GROUPS: Final = 8

# Pairs of a bucket's number and its count; empty buckets are left out.
Counts = list[list[int]]


class Latency(TypedDict):
    """A histogram of the time until an answer began."""

    first_ns: int
    per_octave: int
    counts: Counts


class GroupCounters(TypedDict):
    """The counters of one group of clients."""

    served: int
    errors: int
    refused: int
    latency: Counts


class Memory(TypedDict):
    """Of the process, of the limiter's table in it, and of the machine; 0 is not known."""

    rss_bytes: int
    limiter_bytes: int
    limit_bytes: int


class Descriptors(TypedDict):
    """Open files and sockets of the process, its clients' connections among them, and the limit."""

    open: int
    connections: int
    limit: int


class MachineStatistics(TypedDict):
    """All that a machine has counted since its process began.

    `boot` names the process, `limits` the limits that apply. `groups` and `clients` have the same
    counters by groups of clients, and the errors of the clients with the latest ones, by a name
    that says nothing of an address. A former release has none of the two.
    """

    schema: int
    boot: str
    uptime_seconds: float
    served: int
    errors: int
    refused: int
    limits: str
    latency: Latency
    groups: list[GroupCounters]
    clients: dict[str, int]
    memory: Memory
    descriptors: Descriptors | None


def group_of(client: str, groups: int = GROUPS) -> int:
    """Return the number of the group that a client is counted in, by its name in the counters."""
    return int(client[:2], 16) % groups
