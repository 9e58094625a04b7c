"""What machines tell each other of the quotas that buckets were filled by: a name says no more."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from .quota import Quota


class Announced(NamedTuple):
    """A quota of a policy, that is or was in force somewhere.

    Attributes:
        policy: the policy's name.
        quota: what its buckets hold.
        birth: tells this time in force from one before. Of several the smallest is meant.
        left_ns: how long it matters still; while it is in force it is told again and again.
    """

    policy: str
    quota: Quota
    birth: str
    left_ns: int


@runtime_checkable
class Board(Protocol):
    """A store that all machines see, and read each other's quotas in."""

    async def post(self, told: Sequence[Announced]) -> list[Announced]:
        """Tell of quotas, and hear of all that matter.

        Raises:
            StoreUnavailableError: as the store's other calls.
        """
        ...
