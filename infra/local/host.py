"""What a machine lives on: the parts of the local Fly that its lifecycle uses."""

from dataclasses import dataclass
from typing import Protocol

from infra.local.environment import Inherited
from infra.local.images import ImageStore
from infra.local.logs import Logs
from infra.local.machine import Machine
from infra.local.secrets import Secrets
from infra.local.store import Store
from infra.local.times import Clock


class Traffic(Protocol):
    """The proxy, seen from a machine."""

    def changed(self, machine: Machine, *, is_healthy: bool) -> None:
        """The machine's state, health or place in the rotation may be another one now."""

    async def drained(self, machine_id: str, patience_seconds: float) -> None:
        """Returns when no request is on its way to the machine, or when patience ends."""


@dataclass(frozen=True, slots=True)
class Host:
    state_id: str
    store: Store
    images: ImageStore
    secrets: Secrets
    logs: Logs
    traffic: Traffic
    inherited: Inherited
    clock: Clock
