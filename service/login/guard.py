"""Decides who may try a password: reserves before the check, gives back after a success."""

from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum

from service.limiter import Charge, Store, StoreError, StoreUnavailable
from service.limiter.store.base import is_refused
from service.limiter.store.share import share_of

from .lockout import ACCOUNT, PAIR, Lockout, pair_key


class Outcome(StrEnum):
    """What may become of an attempt."""

    ADMITTED = "admitted"
    LOCKED = "locked"  # by account or pair: to be answered like a wrong password
    ADDRESS = "address"  # this address tries too much, whatever the account
    UNAVAILABLE = "unavailable"  # nobody could be asked: login never fails open
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
        """Keep nothing here."""
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
        decisions, source = await self._store.take(charges)
        wait = max(decision.retry_after_seconds for decision in decisions)
        if is_refused(charges, decisions):
            outcome = Outcome.LOCKED if decisions[0].allowed else Outcome.ADDRESS
            if source.startswith("failed"):
                outcome = Outcome.UNAVAILABLE
            return Attempt(outcome, account, network, tuple(charges), False, wait)
        # After the address comes the counter that locks: of the pair, or of the known device.
        own = decisions[1]
        used = own.quota.burst - own.remaining - 1
        is_last = own.remaining == 0
        attempt = Attempt(
            Outcome.ADMITTED, account, network, tuple(charges), is_last, 0, failures=used
        )
        return await self._lock_ahead(attempt) if is_last else attempt

    async def succeeded(self, attempt: Attempt) -> None:
        """The password was right: nothing was used, and this guesser is none.

        If the store cannot be asked, what was reserved stays taken, and the last attempt's lock.
        """
        for number, charge in enumerate(attempt.charges):
            with suppress(StoreUnavailable):
                if charge.key[0] == PAIR or (number == 1 and attempt.is_last):
                    await self._store.reset(charge.key)
                else:
                    await self._store.give_back(charge)

    async def unlock(self, account: str, network: str | None = None) -> bool:
        """Forget the failures of an account, and those of one address at it."""
        was_slowed = await self._store.reset((ACCOUNT, account))
        was_locked = network is not None and await self._store.reset(pair_key(account, network))
        return was_slowed or was_locked

    async def _lock_ahead(self, attempt: Attempt) -> Attempt:
        """Lock before the password is checked: afterwards the store may be gone."""
        own = attempt.charges[1]
        try:
            await self._store.owe(own.key, own.quota, self._lockout.locked_owed_ns)
        except StoreError:
            return replace(attempt, outcome=Outcome.UNAVAILABLE, retry_after_seconds=1)
        return attempt
