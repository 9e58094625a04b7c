"""Where machines that share a store read each other's quotas: a bucket's name says no more."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from flygate_limiter.quota import Quota


class QuotaNotice(NamedTuple):
    """A quota of a policy that is or was in force on some machine.

    Attributes:
        policy: the policy's name.
        quota: what its buckets hold.
        birth: distinguishes this time in force from an earlier one. Of several the smallest counts.
        left_ns: how long it still matters; while it is in force its notice is renewed.
    """

    policy: str
    quota: Quota
    birth: str
    left_ns: int


class QuotaBoard(Protocol):
    """A store that all machines see, with their notices."""

    async def post(self, notices: Sequence[QuotaNotice]) -> list[QuotaNotice]:
        """Post notices, and return all that still matter.

        Raises:
            StoreUnavailableError: as the store's other calls.
        """
        ...
