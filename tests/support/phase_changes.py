"""The way of an app through the phases, as changes that clients live through."""

from dataclasses import dataclass
from typing import Final

from tests.support.changes import Change
from tests.support.operator import Operator

AFFINITY: Final = "RATE_LIMIT_AFFINITY"
STORAGE: Final = "RATE_LIMIT_STORAGE"


@dataclass(frozen=True, slots=True)
class PhaseChanges:
    """What the phases are here.

    Attributes:
        redis_url: known to the machines of phase 3 only.
        machines: how many phase 1, 2 and 3 have.
    """

    redis_url: str
    machines: tuple[int, int, int]

    def to(self, phase: int) -> Change:
        """Machines of a phase take the place of all others."""
        number = self.machines[phase - 1]
        settings = (
            {AFFINITY: "off", STORAGE: "memory", "REDIS_URL": ""},
            {AFFINITY: "on", STORAGE: "memory", "REDIS_URL": ""},
            {AFFINITY: "off", STORAGE: "redis", "REDIS_URL": self.redis_url},
        )[phase - 1]

        async def change(operator: Operator) -> None:
            await operator.release(number, **settings)

        return change
