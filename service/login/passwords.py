"""Verifies passwords with the same work for every name, known or not."""

import asyncio
import json
import secrets
from collections.abc import Mapping
from typing import Self

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError

from .names import account_name

# Each takes 64 MiB and a core: more at once would only take them from requests.
_AT_ONCE = 2


class PasswordsError(ValueError):
    """The accounts cannot be understood. Names no hash."""


class Passwords:
    """Accounts with their argon2 hashes."""

    def __init__(self, hashes: Mapping[str, str]) -> None:
        """Take hashes by account name.

        Raises:
            PasswordsError: there are none, they are no hashes, or not all of one cost.
        """
        try:
            costs = [extract_parameters(value) for value in hashes.values()]
        except InvalidHashError as error:
            raise PasswordsError("each account needs an argon2 hash") from error
        if not costs or any(cost != costs[0] for cost in costs):
            raise PasswordsError("there must be accounts, and all hashes of one cost")
        self._hashes = dict(hashes)
        self._hasher = PasswordHasher.from_parameters(costs[0])
        self._nobody = self._hasher.hash(secrets.token_urlsafe())
        self._slots = asyncio.Semaphore(_AT_ONCE)

    @classmethod
    def read(cls, text: str) -> Self:
        """Read `{"ada@example.org": "$argon2id$…"}`."""
        try:
            found = json.loads(text)
        except ValueError as error:
            raise PasswordsError("the accounts are no JSON") from error
        if not isinstance(found, dict):
            raise PasswordsError("the accounts are no JSON object of names and hashes")
        names = {str(name): account_name(str(name)) for name in found}
        if None in names.values() or len(set(names.values())) != len(names):
            raise PasswordsError("two accounts have one name, or one has none")
        return cls({str(names[str(name)]): str(value) for name, value in found.items()})

    async def verify(self, account: str, password: str, is_welcome: bool) -> bool:
        """Whether the password is the account's. The work is the same whatever the answer.

        Args:
            account: the canonical name.
            password: as submitted.
            is_welcome: False to do the work and answer no: the account is locked.
        """
        known = self._hashes.get(account)
        against = known if known is not None and is_welcome else self._nobody
        async with self._slots:
            is_right = await asyncio.to_thread(self._matches, against, password)
        return is_right and known is not None and is_welcome

    def _matches(self, against: str, password: str) -> bool:
        try:
            return self._hasher.verify(against, password)
        except VerificationError:
            return False
