"""Verifies passwords with the same work for every name, known or not."""

import asyncio
import json
import os
import secrets
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Self

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError

from .names import account_name

# Each takes a core: more at once would only take them from requests.
_MOST_AT_ONCE: Final = 2
# Each takes memory, too (64 MiB, as argon2-cffi has it). The rest of the machine's is for what
# else the process holds.
_SHARE_OF_MEMORY: Final = 1 / 4
_KIBI: Final = 1_024
_NICENESS: Final = 10


class PasswordsError(ValueError):
    """The accounts cannot be understood. Names no hash."""


class Passwords:
    """Accounts with their argon2 hashes.

    Attributes:
        at_once: how many can be checked at a time.
    """

    def __init__(self, hashes: Mapping[str, str], memory_bytes: int = 0) -> None:
        """Take hashes by account name.

        Args:
            hashes: of one cost.
            memory_bytes: what the machine has; 0 if it is not known.

        Raises:
            PasswordsError: there are none, they are no hashes, or not all of one cost.
        """
        try:
            costs = [extract_parameters(value) for value in hashes.values()]
        except InvalidHashError as exc:
            raise PasswordsError("each account needs an argon2 hash") from exc
        if not costs or any(cost != costs[0] for cost in costs):
            raise PasswordsError("there must be accounts, and all hashes of one cost")
        self._hashes = dict(hashes)
        self._hasher = PasswordHasher.from_parameters(costs[0])
        self._unknown = self._hasher.hash(secrets.token_urlsafe())
        self.at_once = _at_once(costs[0].memory_cost * _KIBI, memory_bytes)
        self._workers = ThreadPoolExecutor(self.at_once, "password", _give_way)

    @classmethod
    def read(cls, text: str, memory_bytes: int = 0) -> Self:
        """Read `{"ada@example.org": "$argon2id$…"}`."""
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as exc:  # or a number, or brackets, without end
            raise PasswordsError("the accounts are no JSON") from exc
        if not isinstance(found, dict):
            raise PasswordsError("the accounts are no JSON object of names and hashes")
        if not all(isinstance(value, str) for value in found.values()):
            raise PasswordsError("an account's hash is a text")
        names = {str(name): account_name(str(name)) for name in found}
        if None in names.values() or len(set(names.values())) != len(names):
            raise PasswordsError("two accounts have one name, or one has none")
        hashes = {str(names[str(name)]): str(value) for name, value in found.items()}
        return cls(hashes, memory_bytes)

    async def verify(self, account: str, password: str, is_welcome: bool) -> bool:
        """Return whether the password is the account's. The work is the same whatever the answer.

        Args:
            account: the canonical name.
            password: as submitted.
            is_welcome: False to do the work and answer no: the account is locked.
        """
        known = self._hashes.get(account)
        against = known if known is not None and is_welcome else self._unknown
        loop = asyncio.get_running_loop()
        is_right = await loop.run_in_executor(self._workers, self._matches, against, password)
        return is_right and known is not None and is_welcome

    def _matches(self, against: str, password: str) -> bool:
        try:
            return self._hasher.verify(against, password)
        except VerificationError:
            return False


def _at_once(cost_bytes: int, memory_bytes: int) -> int:
    """Return how many checks the machine's memory has room for; one there must be."""
    if not memory_bytes:
        return _MOST_AT_ONCE
    return max(1, min(_MOST_AT_ONCE, int(memory_bytes * _SHARE_OF_MEMORY / cost_bytes)))


def _give_way() -> None:
    """Let a worker, and the threads that argon2 starts in it, run when requests leave time.

    Where it can't be said of a thread alone, it isn't.
    """
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
