"""How many guesses are allowed, by whom and for how long: buckets of the limiter, nothing else.

Four counters. The pair (account, address) locks: that is one guesser at one account. The account
alone only slows down, or strangers could lock its owner out. The address alone stops those who try
one password on many accounts. A device that has logged in before has a counter of its own.
"""

from dataclasses import dataclass
from typing import Final, Self

from service.limiter import Charge, Failure, Key, Quota
from service.limiter import bucket as buckets
from service.limiter.quota import NANOS

PAIR: Final = "login.pair"
ACCOUNT: Final = "login.account"
ADDRESS: Final = "login.address"
DEVICE: Final = "login.device"

_MINUTE: Final = 60 * NANOS
_HOUR: Final = 60 * _MINUTE
# OWASP ASVS 4.0 named 100 failures an hour for an account; 5.0 leaves the number to us.
_ACCOUNT_PER_HOUR: Final = 100
_ACCOUNTS_PER_ADDRESS: Final = 10


@dataclass(frozen=True, slots=True)
class Lockout:
    """The quotas of the counters, and how long a lock lasts."""

    pair: Quota
    account: Quota
    address: Quota
    lock_ns: int

    @classmethod
    def of(cls, attempts: int, window_minutes: int, lock_minutes: int) -> Self:
        """So many attempts in a window; then a lock of so many minutes."""
        window = window_minutes * _MINUTE
        return cls(
            pair=Quota(attempts, window),
            account=Quota(_ACCOUNT_PER_HOUR, _HOUR, max(attempts, _ACCOUNT_PER_HOUR // 5)),
            address=Quota(attempts * _ACCOUNTS_PER_ADDRESS, window),
            lock_ns=lock_minutes * _MINUTE,
        )

    def charges(self, account: str, network: str, device: str | None) -> list[Charge]:
        """What one attempt takes; all of it or, if something is used up, nothing."""
        closed = Failure.CLOSED
        address = Charge((ADDRESS, network), self.address, failure=closed)
        if device is not None:
            own = Charge(device_key(account, device), self.pair, failure=closed)
            return [address, own]
        return [
            address,
            Charge(pair_key(account, network), self.pair, failure=closed),
            Charge((ACCOUNT, account), self.account, failure=closed),
        ]

    @property
    def locked_owed_ns(self) -> int:
        """What a pair's bucket owes so that it gives nothing for the length of a lock."""
        return buckets.blocked_until(self.lock_ns, self.pair)


def pair_key(account: str, network: str) -> Key:
    """The counter of one guesser at one account."""
    return PAIR, f"{network} {account}"


def device_key(account: str, device: str) -> Key:
    """The counter of a device that has logged in before."""
    return DEVICE, f"{device} {account}"
