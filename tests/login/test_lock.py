"""A lock lasts as long as it says, and an account that is unlocked can log in: with both stores."""

from __future__ import annotations

import pytest
from flygate_limiter import FakeClock, Store
from flygate_service.login import Attempt, Lockout, LoginGuard, Outcome, Unlock

ADA = "ada@example.org"
HOME, ELSEWHERE = "192.0.2.1", "198.51.100.1"
MINUTE = 60


async def fail(
    guard: LoginGuard, account: str = ADA, network: str = HOME, device: str | None = None
) -> Attempt:
    """A wrong password."""
    return await guard.admit(account, network, device)


async def succeed(guard: LoginGuard, network: str = HOME, device: str | None = None) -> Outcome:
    """The right password."""
    attempt = await guard.admit(ADA, network, device)
    if attempt.outcome is Outcome.ADMITTED:
        await guard.succeeded(attempt)
    return attempt.outcome


@pytest.mark.parametrize(
    ("attempts", "window", "lock"), [(5, 15, 1), (5, 15, 15), (3, 15, 30), (1, 60, 1), (10, 10, 1)]
)
@pytest.mark.parametrize("device", [None, "laptop"])
async def test_a_lock_ends_when_it_says_with_all_attempts(
    store: Store, clock: FakeClock, attempts: int, window: int, lock: int, device: str | None
) -> None:
    """Also one that is shorter than an attempt takes to be refilled; trying extends nothing."""
    guard = LoginGuard(store, Lockout.of(attempts, window, lock))
    first = [(await fail(guard, device=device)).outcome for _ in range(attempts + 1)]
    clock.advance(seconds=lock * MINUTE - 1)
    just_before = (await fail(guard, device=device)).outcome
    clock.advance(seconds=1)
    again = [(await fail(guard, device=device)).outcome for _ in range(attempts + 1)]

    expected = [Outcome.ADMITTED] * attempts + [Outcome.LOCKED]
    assert first == expected
    assert just_before is Outcome.LOCKED
    assert again == expected


@pytest.mark.parametrize("device", [None, "laptop"])
async def test_a_success_forgets_what_failed_before_it(store: Store, device: str | None) -> None:
    """Three wrong, a right one, two wrong: the owner is not locked out at his own machine."""
    guard = LoginGuard(store, Lockout.of(5, 15, 15))
    for _ in range(3):
        await fail(guard, device=device)
    await succeed(guard, device=device)
    wrong = [(await fail(guard, device=device)).outcome for _ in range(4)]

    assert wrong == [Outcome.ADMITTED] * 4
    assert await succeed(guard, device=device) is Outcome.ADMITTED


async def test_unlock_frees_a_known_device_without_its_name(store: Store) -> None:
    """The operator knows the account only."""
    rules = Lockout.of(2, 15, 15)
    guard = LoginGuard(store, rules)
    for _ in range(3):
        await fail(guard, device="laptop")
    assert await succeed(guard, device="laptop") is Outcome.LOCKED

    done = await Unlock(store, rules)(ADA)

    assert (done.held, done.still) == (("known device",), ())
    assert await succeed(guard, device="laptop") is Outcome.ADMITTED


async def test_unlock_ends_all_that_holds_an_address(store: Store) -> None:
    """The lock at the account, and what the address failed at all accounts together."""
    rules = Lockout.of(2, 15, 15)
    guard = LoginGuard(store, rules)
    for number in range(18):
        await fail(guard, account=f"user{number}")
    for _ in range(2):
        await fail(guard)
    assert await succeed(guard) is Outcome.ADDRESS

    done = await Unlock(store, rules)(ADA, HOME)

    assert done.held == ("address at the account", "address at all accounts")
    assert done.still == ()
    assert await succeed(guard) is Outcome.ADMITTED


async def test_unlock_says_what_was_locked(store: Store) -> None:
    """A failure is no lock, and neither is that of another address or account."""
    rules = Lockout.of(3, 15, 15)
    guard, unlock = LoginGuard(store, rules), Unlock(store, rules)
    for _ in range(2):
        await fail(guard)
    for _ in range(3):
        await fail(guard, network=ELSEWHERE)

    assert (await unlock(ADA, HOME)).held == ()
    assert (await unlock("bob", ELSEWHERE)).held == ()
    assert (await unlock(ADA, ELSEWHERE)).held == ("address at the account",)


async def test_an_account_that_is_slowed_down_is_freed(store: Store) -> None:
    """Guesses from many addresses hold an owner on a new device."""
    rules = Lockout.of(5, 15, 15)
    guard = LoginGuard(store, rules)
    for number in range(25):
        await fail(guard, network=f"203.0.113.{number}")
    assert await succeed(guard) is Outcome.LOCKED

    assert (await Unlock(store, rules)(ADA, HOME)).held == ("account",)
    assert await succeed(guard) is Outcome.ADMITTED


async def test_the_address_learns_nothing_of_an_account(store: Store) -> None:
    """Locked, slowed down, unknown: the answer and the wait are those of the address alone."""
    guard = LoginGuard(store, Lockout.of(2, 15, 60))
    for _ in range(2):
        await fail(guard)  # locked
    for number in range(25):
        await fail(guard, "slow", network=f"203.0.113.{number}")
    for number in range(18):
        await fail(guard, f"user{number}")

    answers = [await fail(guard, name) for name in (ADA, "slow", "user1", "stranger")]

    assert {answer.outcome for answer in answers} == {Outcome.ADDRESS}
    assert {answer.retry_after_seconds for answer in answers} == {45}  # 20 in 15 minutes


async def test_the_wait_of_an_address_comes_true(store: Store, clock: FakeClock) -> None:
    """Not before, and not later."""
    guard = LoginGuard(store, Lockout.of(1, 15, 15))
    for number in range(10):
        await fail(guard, f"user{number}")
    wait = (await fail(guard, "stranger")).retry_after_seconds
    clock.advance(seconds=wait - 1)
    early = (await fail(guard, "stranger")).outcome
    clock.advance(seconds=1)

    assert early is Outcome.ADDRESS
    assert (await fail(guard, "stranger")).outcome is Outcome.ADMITTED


async def test_who_shares_a_guesser_s_address_keeps_his_known_device(store: Store) -> None:
    """Behind one router a stranger uses up the address; the owner's device does not need it."""
    guard = LoginGuard(store, Lockout.of(2, 15, 15))
    for number in range(25):
        await fail(guard, f"user{number}")

    assert await succeed(guard) is Outcome.ADDRESS
    assert await succeed(guard, device="laptop") is Outcome.ADMITTED
