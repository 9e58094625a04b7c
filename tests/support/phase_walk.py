"""The way of an app through the phases: its machines are replaced, and with them the store."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from .service_fleet import ServiceFleet

# How many machines a phase has here, and what is particular to their environment.
MACHINES: Final = {1: 1, 2: 2, 3: 3}
ENVIRONMENT: Final[Mapping[int, Mapping[str, str]]] = {
    1: {},
    2: {"RATE_LIMIT_AFFINITY": "on"},
    3: {"RATE_LIMIT_STORAGE": "redis"},
}


@dataclass(slots=True)
class PhaseWalk:
    """Brings a fleet from one phase into another as a rollout does: new ones come, old ones go.

    Attributes:
        redis_url: known to the machines of phase 3 only.
        common: what the environment is in all phases.
    """

    fleet: ServiceFleet
    redis_url: str
    common: dict[str, str] = field(default_factory=dict)

    async def to(self, phase: int) -> None:
        """Wait until the machines of a phase serve alone."""
        former = list(self.fleet.ids)
        redis = {"REDIS_URL": self.redis_url} if phase == 3 else {}
        self.fleet.environment = {**self.common, **ENVIRONMENT[phase], **redis}
        await self.fleet.grow(MACHINES[phase])
        for machine in former:
            await self.fleet.retire(machine)
