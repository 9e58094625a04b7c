"""An app: the name that machines, secrets and addresses belong to."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class IpAssignment:
    """An address of the app, which is a record only: the local proxy serves apps by name."""

    ip: str
    kind: str
    region: str
    shared: bool
    egress: bool
    created_at: float
    service_name: str = ""


@dataclass(slots=True)
class App:
    """An app as the state keeps it."""

    id: str
    name: str
    number: int
    organization: str
    network: str
    created_at: float
    idempotency_key: str | None = None
    has_been_deployed: bool = False
    ips: list[IpAssignment] = field(default_factory=list)

    @property
    def status(self) -> str:
        return "deployed" if self.has_been_deployed else "pending"

    def to_state(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "App":
        ips = [IpAssignment(**ip) for ip in state.pop("ips")]
        return cls(**state, ips=ips)
