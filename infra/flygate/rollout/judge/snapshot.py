"""What one machine reports of itself at one look, or the note that it reports nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self, cast

from flygate_wire.statistics_schema import SCHEMA, GroupCounters, MachineStatistics

from flygate.rollout.judge.statistics import Histogram

# What Fly says of a machine, beside what it reports itself: a restart may fall between two looks.
DIED_AT: Final = "died_at"
_MOST: Final = 2**63
# A client's name: a keyed hash.
_NAME: Final = re.compile(r"[0-9a-f]{4,64}")


@dataclass(frozen=True, slots=True)
class Part:
    """The counters of one group of clients; a client is always in the same one."""

    served: int
    errors: int
    refused: int
    latency: Mapping[int, int]

    @classmethod
    def parse(cls, group: GroupCounters) -> Self:
        """Read one of a machine's groups."""
        return cls(
            _count(group["served"]),
            _count(group["errors"]),
            _count(group["refused"]),
            _buckets(group["latency"]),
        )

    def since(self, former: Part) -> Part:
        """Return what was counted since."""
        return Part(
            self.served - former.served,
            self.errors - former.errors,
            self.refused - former.refused,
            _less(self.latency, former.latency),
        )


@dataclass(frozen=True, slots=True)
class Usage:
    """Of something that a process has a limited amount of; a limit of 0 is not known."""

    used: int
    limit: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A machine's counters since its process began.

    Attributes:
        at: seconds since the soak began.
        boot: names the process; another one means that the machine was restarted.
        served, errors: requests that were let in, and those of them answered with a 5xx.
        refused: requests that the limiter refused.
        latency: of the answers that are no errors, in nanoseconds to their first byte.
        usage: how much its process uses of what it has a limited amount of: of memory, without the
            limiter's table, which is meant to grow; of open files, without its clients'
            connections. What it does not report is not there.
        limits: names the limits that apply; two machines with the same name have the same.
        died_at: when its service last ended by itself, as Fly says: 0 if never, None if it was not
            asked.
        parts: the same counters by groups of clients; none if the release is older than those.
        clients: of the clients with the latest errors, how many each had, by a name that says
            nothing; None if the release is older than that.
    """

    at: float
    boot: str
    served: int
    errors: int
    refused: int
    latency: Histogram
    usage: Mapping[str, Usage] = field(default_factory=dict)
    limits: str = ""
    died_at: int | None = None
    parts: tuple[Part, ...] = ()
    clients: Mapping[str, int] | None = None

    @classmethod
    def parse(cls, at: float, reported: Mapping[str, Any]) -> Self:
        """Read a machine's answer.

        Raises:
            ValueError: it is none that this version understands.
        """
        # The names are those of the schema; what stands there is checked below.
        found = cast("MachineStatistics", reported)
        try:
            if found["schema"] != SCHEMA:
                raise ValueError(f"reports statistics of schema {found['schema']}, not {SCHEMA}")
            latency = found["latency"]
            return cls(
                at=at,
                boot=str(found["boot"]),
                served=_count(found["served"]),
                errors=_count(found["errors"]),
                refused=_count(found["refused"]),
                latency=Histogram(
                    _buckets(latency["counts"]),
                    float(latency["first_ns"]),
                    _count(latency["per_octave"]),
                ),
                usage=dict(_usage(found)),
                limits=str(found["limits"]),
                died_at=reported.get(DIED_AT),
                parts=tuple(Part.parse(one) for one in found.get("groups", ())),
                clients=_clients(found.get("clients")),
            )
        except (KeyError, TypeError, AttributeError) as exc:
            raise ValueError(f"reports statistics without {exc}") from None

    def since(self, former: Snapshot) -> Snapshot:
        """Return what was counted since a former snapshot of the same process."""
        pairs = zip(self.parts, former.parts, strict=False)
        return replace(
            self,
            served=self.served - former.served,
            errors=self.errors - former.errors,
            refused=self.refused - former.refused,
            latency=replace(self.latency, counts=_less(self.latency.counts, former.latency.counts)),
            parts=tuple(part.since(before) for part, before in pairs),
            clients=_newly(self.clients, former.clients),
        )

    def without(self, group: int) -> Snapshot:
        """Return the same without the clients of one group, if it is known who they are."""
        if group >= len(self.parts):
            return self
        part = self.parts[group]
        return replace(
            self,
            served=self.served - part.served,
            errors=self.errors - part.errors,
            refused=self.refused - part.refused,
            latency=replace(self.latency, counts=_less(self.latency.counts, part.latency)),
        )


def _buckets(reported: Iterable[Iterable[Any]]) -> dict[int, int]:
    return {_count(bucket): _count(count) for bucket, count in reported}


def _count(reported: Any) -> int:
    """Return a number, or refuse it: what answers in a machine's place can't stop the judge."""
    if isinstance(reported, bool) or not isinstance(reported, int) or not 0 <= reported <= _MOST:
        raise ValueError("reports statistics with a number that is impossible")
    return reported


def _less(counts: Mapping[int, int], former: Mapping[int, int]) -> dict[int, int]:
    # Counters only grow: what is in the former ones is in these, too.
    left = ((bucket, count - former.get(bucket, 0)) for bucket, count in counts.items())
    return {bucket: count for bucket, count in left if count}


def _usage(found: MachineStatistics) -> Iterator[tuple[str, Usage]]:
    memory = found["memory"]
    used = _count(memory["rss_bytes"]) - _count(memory["limiter_bytes"])
    yield "memory", Usage(used, _count(memory["limit_bytes"]))
    if files := found.get(
        "descriptors"
    ):  # an older release reports none, nor does a system without
        used = _count(files["open"]) - _count(files["connections"])
        yield "descriptors", Usage(used, _count(files["limit"]))


def _clients(reported: Any) -> dict[str, int] | None:
    if reported is None:
        return None
    if not all(_NAME.fullmatch(name) for name in reported):
        raise ValueError("reports statistics of clients by impossible names")
    return {name: _count(count) for name, count in reported.items()}


def _newly(
    clients: Mapping[str, int] | None, former: Mapping[str, int] | None
) -> dict[str, int] | None:
    """Each client's errors since; one that was forgotten in between began again at zero."""
    if clients is None or former is None:
        return None
    since = {name: count - former.get(name, 0) for name, count in clients.items()}
    return {name: n if n >= 0 else clients[name] for name, n in since.items() if n}


@dataclass(frozen=True, slots=True)
class Miss:
    """A machine that reported nothing.

    Attributes:
        is_silent: it did not answer at all, which a running service does.
        died_at: as in `Snapshot`.
    """

    at: float
    reason: str
    is_silent: bool
    died_at: int | None = None


def missed(reason: str, *, is_silent: bool) -> dict[str, Any]:
    """Return a miss as the journal keeps it, in the place of a machine's answer."""
    return {"missed": reason, "silent": is_silent}


def read(at: float, reported: Mapping[str, Any]) -> Snapshot | Miss:
    """Return a machine's answer, or the note that there was none."""
    died_at = reported.get(DIED_AT)
    if "missed" in reported:
        return Miss(at, str(reported["missed"]), bool(reported["silent"]), died_at)
    try:
        return Snapshot.parse(at, reported)
    except ValueError as exc:
        return Miss(at, str(exc), is_silent=False, died_at=died_at)
