"""Decides who may try a password: reserves before the check, gives back after a success."""

from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum

from flygate_limiter import Charge, Store, StoreError, StoreUnavailableError, bucket
from flygate_limiter.charge import is_refused
from flygate_limiter.share import share_of

from .lockout import ADDRESS, Lockout, lock_key


class Outcome(StrEnum):
    """What may become of an attempt."""

    ADMITTED = "admitted"
    LOCKED = "locked"  # by account or pair: to be answered like a wrong password
    ADDRESS = "address"  # this address tries too much, whatever the account
    UNAVAILABLE = "unavailable"  # no store answered: login never fails open
    BUSY = "busy"  # the machine checks as many passwords as it can: nothing was counted


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try, with what was reserved for it.

    Attributes:
        outcome: whether the password may be checked.
        retry_after_seconds: when to come again, if it may not.
        failures: how many units were missing before, as a measure of what went before.
    """

    outcome: Outcome
    account: str
    network: str
    charges: tuple[Charge, ...]
    is_last: bool = False
    retry_after_seconds: int = 0
    failures: int = 0


class LoginGuard:
    """Counts attempts in the limiter's store, so machines that share it share the counters."""

    def __init__(self, store: Store, lockout: Lockout) -> None:
        """Take the store, which keeps all counters."""
        self._store = store
        self._lockout = lockout

    async def admit(
        self, account: str, network: str, device: str | None, share: int = 1
    ) -> Attempt:
        """Reserve an attempt. Parallel guesses cannot pass: each must reserve its own.

        What a wrong password reserved stays taken, and the last attempt locks; `succeeded` undoes
        both.

        Args:
            account: the canonical name, whether there is such an account or not.
            network: the client's bucket name.
            device: the name of a device that has logged in to this account before.
            share: how many machines may each answer this client without asking the others.
        """
        charges = self._lockout.charges(account, network, device)
        if share > 1:
            charges = [share_of(charge, share) for charge in charges]
        attempt = Attempt(Outcome.ADMITTED, account, network, tuple(charges))
        try:
            if await self._is_locked(attempt):
                return await self._refused_by_lock(attempt)
            attempt = await self._reserve(attempt)
            if attempt.is_last:
                # Before the password is checked: afterwards the store may be gone.
                await self._lock(attempt)
        except StoreError:
            return replace(attempt, outcome=Outcome.UNAVAILABLE, retry_after_seconds=1)
        return attempt

    async def succeeded(self, attempt: Attempt) -> None:
        """The password was right: nothing was used, and this guesser is none.

        Whatever failed before at the counter that locks, the pair's or the device's, was his own,
        so the other counters get it back, too.
        If the store cannot be asked, what was reserved stays taken, and the last attempt's lock.
        """
        own, *others = attempt.charges
        for key in (lock_key(own.key), own.key):
            with suppress(StoreUnavailableError):
                await self._store.reset(key)
        for charge in others:
            with suppress(StoreUnavailableError):
                await self._store.give_back(charge._replace(cost=charge.cost + attempt.failures))

    async def _is_locked(self, attempt: Attempt) -> bool:
        key = lock_key(attempt.charges[0].key)
        return (await self._store.peek(key, self._lockout.lock)).owed_ns > 0

    async def _refused_by_lock(self, attempt: Attempt) -> Attempt:
        """Give an address that tries too much its own answer: a lock must not show."""
        for charge in attempt.charges:
            if charge.key[0] == ADDRESS:
                owed = (await self._store.peek(charge.key, charge.quota)).owed_ns
                decision, _ = bucket.take(owed, 0, charge.cost, charge.quota)
                if not decision.allowed:
                    wait = decision.retry_after_seconds
                    return replace(attempt, outcome=Outcome.ADDRESS, retry_after_seconds=wait)
        return replace(attempt, outcome=Outcome.LOCKED)

    async def _reserve(self, attempt: Attempt) -> Attempt:
        charges = attempt.charges
        decisions, source = await self._store.take(charges)
        if source.startswith("failed"):
            return replace(attempt, outcome=Outcome.UNAVAILABLE, retry_after_seconds=1)
        if not is_refused(charges, decisions):
            own = decisions[0]
            used = own.quota.burst - own.remaining - 1
            return replace(attempt, is_last=own.remaining == 0, failures=used)
        for charge, decision in zip(charges, decisions, strict=True):
            if charge.key[0] == ADDRESS and not decision.allowed:
                # Its own wait: that of another counter would tell of the account.
                wait = decision.retry_after_seconds
                return replace(attempt, outcome=Outcome.ADDRESS, retry_after_seconds=wait)
        return replace(attempt, outcome=Outcome.LOCKED)

    async def _lock(self, attempt: Attempt) -> None:
        key, lockout = lock_key(attempt.charges[0].key), self._lockout
        await self._store.owe(key, lockout.lock, lockout.lock_ns)
