"""Passwords: equal work, and mistakes in the accounts that show no hash."""

import json

import pytest
from argon2 import PasswordHasher

from service.login.passwords import Passwords, PasswordsError

HASHER = PasswordHasher(time_cost=1, memory_cost=1_024, parallelism=1)
HASH = HASHER.hash("correct horse")


async def test_verifies() -> None:
    """Only the right password of a known and welcome account is right."""
    passwords = Passwords.read(json.dumps({"Ada": HASH}))

    assert await passwords.verify("ada", "correct horse", True)
    assert not await passwords.verify("ada", "wrong", True)
    assert not await passwords.verify("ada", "correct horse", False)
    assert not await passwords.verify("nobody", "correct horse", True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        json.dumps({"ada": "canary"}),
        json.dumps({"ada": HASH, "ADA": HASH}),
        json.dumps({" ": HASH}),
        json.dumps({"ada": HASH, "bob": PasswordHasher(time_cost=2).hash("x")}),
    ],
)
def test_mistakes(text: str) -> None:
    """No accounts, no hashes, one name twice and hashes of several costs are refused."""
    with pytest.raises(PasswordsError) as refused:
        Passwords.read(text)

    assert "canary" not in str(refused.value)
    assert "argon2id" not in str(refused.value)
