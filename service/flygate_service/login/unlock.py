"""Frees an account for its owner, and says what refused it and what still does."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from flygate_limiter import Key, Quota, Store

from .lockout import ACCOUNT, ADDRESS, LOCKING, Lockout, device_keys, lock_key, pair_key


@dataclass(frozen=True, slots=True)
class Unlocked:
    """What came of it, in words for an operator.

    Attributes:
        held: what refused every attempt, before.
        still: what of that still does.
    """

    held: tuple[str, ...]
    still: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hold:
    """Counters that may refuse a person, by one name."""

    name: str
    keys: Sequence[Key]
    quota: Quota


class Unlock:
    """Finds the counters of an account, and fills them."""

    def __init__(self, store: Store, lockout: Lockout) -> None:
        """Take the guard's store and rules."""
        self._store = store
        self._lockout = lockout

    async def __call__(self, account: str, network: str | None = None) -> Unlocked:
        """Forget the failures of an account and of its known devices.

        Of an address, too, if it is given: those at the account, and at all accounts together.

        Raises:
            StoreUnavailableError: the store cannot be asked.
        """
        holds = self._holds(account, network)
        held = [hold for hold in holds if await self._refuses(hold)]
        for hold in holds:
            await asyncio.gather(*(self._store.reset(key) for key in _with_locks(hold)))
        still = [hold for hold in held if await self._refuses(hold)]
        return Unlocked(tuple(hold.name for hold in held), tuple(hold.name for hold in still))

    def _holds(self, account: str, network: str | None) -> list[Hold]:
        lockout = self._lockout
        holds = [
            Hold("account", [(ACCOUNT, account)], lockout.account),
            Hold("known device", device_keys(account), lockout.pair),
        ]
        if network is not None:
            pair = [pair_key(account, network)]
            holds.append(Hold("address at the account", pair, lockout.pair))
            holds.append(Hold("address at all accounts", [(ADDRESS, network)], lockout.address))
        return holds

    async def _refuses(self, hold: Hold) -> bool:
        return any(await asyncio.gather(*(self._is_used_up(key, hold) for key in hold.keys)))

    async def _is_used_up(self, key: Key, hold: Hold) -> bool:
        if (await self._store.peek(key, hold.quota)).remaining == 0:
            return True
        if key[0] not in LOCKING:
            return False
        return (await self._store.peek(lock_key(key), self._lockout.lock)).owed_ns > 0


def _with_locks(hold: Hold) -> list[Key]:
    return [*hold.keys, *(lock_key(key) for key in hold.keys if key[0] in LOCKING)]
