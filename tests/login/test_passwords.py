"""Passwords: equal work, and mistakes in the accounts that show no hash."""

import json
import os
import sys
import threading

import pytest
from argon2 import PasswordHasher
from flygate_service.login.passwords import Passwords, PasswordsError

HASHER = PasswordHasher(time_cost=1, memory_cost=1_024, parallelism=1)
HASH = HASHER.hash("correct horse")


async def test_verifies() -> None:
    """Only the right password of a known and welcome account is right."""
    passwords = Passwords.read(json.dumps({"Ada": HASH}))

    assert await passwords.verify("ada", "correct horse", True)
    assert not await passwords.verify("ada", "wrong", True)
    assert not await passwords.verify("ada", "correct horse", False)
    assert not await passwords.verify("stranger", "correct horse", True)


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


@pytest.mark.parametrize(
    ("memory_mb", "at_once"), [(0, 2), (128, 1), (256, 1), (511, 1), (512, 2), (8_192, 2)]
)
def test_checks_at_once_fit_into_the_machine(memory_mb: int, at_once: int) -> None:
    """Together they take a quarter of its memory, or it is one; never more than two."""
    costly = "$argon2id$v=19$m=65536,t=1,p=1$" + HASH.split("$", 4)[4]

    assert Passwords({"ada": costly}, memory_mb * 1_048_576).at_once == at_once


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own")
async def test_checks_give_way_to_requests() -> None:
    """A check runs at a lower priority than the threads that answer requests."""
    seen: list[int] = []

    class Watched(Passwords):
        def _matches(self, against: str, password: str) -> bool:
            seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
            return super()._matches(against, password)

    await Watched({"ada": HASH}).verify("ada", "correct horse", True)

    assert seen[0] > os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
