"""How many guesses are allowed, and for how long: buckets of the limiter, nothing else.

Four counters. The pair (account, address) locks: that is one guesser at one account. The account
alone only slows down, or strangers could lock its owner out. The address alone stops those who try
one password on many accounts. A device that has logged in before has a counter of its own, and no
other, since it can guess at the accounts only that it has logged in to.

A lock is a bucket of one unit beside its counter's: while it is not full, no guess is allowed. So a
lock ends when it says, whatever the counter holds.
"""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, Self

from flygate_limiter import Charge, Failure, Key, Quota
from flygate_limiter.quota import NANOS

PAIR: Final = "login.pair"
ACCOUNT: Final = "login.account"
ADDRESS: Final = "login.address"
DEVICE: Final = "login.device"
# The counters that lock.
LOCKING: Final = frozenset({PAIR, DEVICE})

_LOCK: Final = ".lock"
_MINUTE: Final = 60 * NANOS
_HOUR: Final = 60 * _MINUTE
# OWASP ASVS 4.0 named 100 failures an hour for an account; 5.0 leaves the number to us.
_ACCOUNT_PER_HOUR: Final = 100
_ACCOUNTS_PER_ADDRESS: Final = 10
# An account's devices share this number of counters, so that an operator, who knows of no device,
# can free all of them. Two devices of one owner seldom have one in common.
_DEVICE_COUNTERS: Final = 32


@dataclass(frozen=True, slots=True)
class Lockout:
    """The quotas of the counters, and how long a lock lasts."""

    pair: Quota
    account: Quota
    address: Quota
    lock_ns: int

    @classmethod
    def of(cls, attempts: int, window_minutes: int, lock_minutes: int) -> Self:
        """Return quotas for `attempts` in a window, and a lock of `lock_minutes` after them.

        A lock that is shorter than the window refills the attempts in its own time: when it ends,
        all of them are there again.
        """
        window, lock = window_minutes * _MINUTE, lock_minutes * _MINUTE
        return cls(
            pair=Quota(attempts, min(window, lock)),
            account=Quota(_ACCOUNT_PER_HOUR, _HOUR, max(attempts, _ACCOUNT_PER_HOUR // 5)),
            address=Quota(attempts * _ACCOUNTS_PER_ADDRESS, window),
            lock_ns=lock,
        )

    @property
    def lock(self) -> Quota:
        """The bucket that a lock is. It equals no policy's, so a full memory does not mix them."""
        return Quota(1, self.lock_ns + 1)

    def charges(self, account: str, network: str, device: str | None) -> list[Charge]:
        """Return what one attempt takes; all of it or, if something is used up, nothing.

        The counter that locks comes first.
        """
        closed = Failure.CLOSED
        if device is not None:
            return [Charge(device_key(account, device), self.pair, failure=closed)]
        return [
            Charge(pair_key(account, network), self.pair, failure=closed),
            Charge((ADDRESS, network), self.address, failure=closed),
            Charge((ACCOUNT, account), self.account, failure=closed),
        ]


def pair_key(account: str, network: str) -> Key:
    """Return the counter of one guesser at one account."""
    return PAIR, f"{network} {account}"


def device_key(account: str, device: str) -> Key:
    """Return the counter of a device that has logged in before."""
    digest = blake2b(device.encode(), digest_size=8).digest()
    return _device_key(account, int.from_bytes(digest) % _DEVICE_COUNTERS)


def device_keys(account: str) -> list[Key]:
    """Return the counters of all devices that have logged in before, whichever these are."""
    return [_device_key(account, number) for number in range(_DEVICE_COUNTERS)]


def lock_key(counter: Key) -> Key:
    """Return the lock of a counter."""
    return counter[0] + _LOCK, counter[1]


def _device_key(account: str, number: int) -> Key:
    return DEVICE, f"{number} {account}"
