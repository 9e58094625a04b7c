"""A machine as the state keeps it: desired state, present state, and events."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from localfly.machines.config import MachineConfig
from localfly.processes.identity import ProcessIdentity
from localfly.processes.process import ExitStatus
from localfly.timing.timestamp import rfc3339
from localfly.timing.ulid import ulid

_KEPT_EVENTS: Final = 50
_KEPT_VERSIONS: Final = 20

# Resting states; everything else is on its way to one of them (docs/fly-api.md 2.7).
SETTLED: Final = frozenset({"created", "started", "stopped", "suspended", "failed", "destroyed"})


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a machine."""

    id: str
    type: str
    status: str
    source: str  # user | flyd
    timestamp: int  # milliseconds
    request: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to change a machine, until it expires."""

    nonce: str
    expires_at: int
    owner: str
    description: str
    version: str

    def refusal(self, machine_id: str) -> str:
        return (
            f"machine ID {machine_id} lease currently held by {self.owner}, "
            f"expires at {rfc3339(self.expires_at)}"
        )


@dataclass(slots=True)
class Machine:
    """The record of one machine; `Lifecycle` changes it."""

    id: str
    name: str
    app: str
    region: str
    address: str
    config: MachineConfig
    created_at: float
    updated_at: float
    instance_id: str = field(default_factory=ulid)
    state: str = "created"
    desired: str = "started"  # started | stopped | suspended | destroyed
    cordoned: bool = False
    skip_secrets: bool = False
    restart_count: int = 0
    memory_limit_mb: int | None = None  # less than the guest's size, set by a client
    ports: dict[int, int] = field(default_factory=dict)  # only with a shared address
    process: ProcessIdentity | None = None
    lease: Lease | None = None
    events: list[Event] = field(default_factory=list)  # newest first
    versions: list[dict[str, Any]] = field(default_factory=list)  # newest first

    @property
    def exists(self) -> bool:
        return self.state != "destroyed"

    def port(self, internal: int) -> int:
        """Return the port at the machine's address that leads to an internal port."""
        return self.ports.get(internal, internal)

    def live_lease(self, now: float) -> Lease | None:
        return self.lease if self.lease and self.lease.expires_at > now else None

    def record(
        self, kind: str, status: str, source: str, now: float, request: dict[str, Any] | None = None
    ) -> None:
        """Add an event; each is later than the one before, so that clients can order them."""
        previous = self.events[0].timestamp if self.events else 0
        timestamp = max(int(now * 1000), previous + 1)
        self.events.insert(0, Event(ulid(), kind, status, source, timestamp, request))
        del self.events[_KEPT_EVENTS:]
        self.updated_at = now

    def record_exit(
        self, status: ExitStatus, now: float, *, was_requested: bool, out_of_memory: bool = False
    ) -> None:
        """Add the event of the main process's end."""
        event = {
            "exit_code": status.code,
            "guest_exit_code": status.code,
            "guest_signal": status.signal or -1,
            "signal": status.signal or -1,
            "oom_killed": out_of_memory,
            "requested_stop": was_requested,
            "restarting": False,
            "exited_at": rfc3339(now),
        }
        request = {"exit_event": event, "restart_count": self.restart_count}
        self.record("exit", "stopped", "flyd", now, request)

    def configure(self, config: MachineConfig) -> None:
        """Set a new config, which is a new version."""
        self.config, self.instance_id = config, ulid()
        self.keep_version()

    def keep_version(self) -> None:
        self.versions.insert(0, {"version": self.instance_id, "user_config": self.config.raw})
        del self.versions[_KEPT_VERSIONS:]

    def to_state(self) -> dict[str, Any]:
        plain = {name: getattr(self, name) for name in _PLAIN_FIELDS}
        return {
            **plain,
            "config": self.config.raw,
            "digest": self.config.image.digest,
            "ports": list(self.ports.items()),
            "process": self.process and self.process.to_state(),
            "lease": self.lease and asdict(self.lease),
            "events": [asdict(event) for event in self.events],
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Machine":
        config = MachineConfig.parse(state["config"])
        return cls(
            # A former version of this code knew fewer fields; the others begin with their default.
            **{name: state[name] for name in _PLAIN_FIELDS if name in state},
            config=config.pinned(state.get("digest", config.image.digest)),
            ports=_ports(state["ports"]),
            process=state["process"] and ProcessIdentity.from_state(state["process"]),
            lease=state["lease"] and Lease(**state["lease"]),
            events=[Event(**event) for event in state["events"]],
        )


_PLAIN_FIELDS: Final = (
    *("id", "name", "app", "region", "address", "created_at", "updated_at", "instance_id"),
    *("state", "desired", "cordoned", "skip_secrets", "restart_count", "versions"),
    "memory_limit_mb",
)


def _ports(pairs: Iterable[tuple[int, int]]) -> dict[int, int]:
    return {internal: mapped for internal, mapped in pairs}  # noqa: C416 (JSON gives lists)
