"""The login guard: who may guess, how often, and whom it must not hurt."""

import asyncio
from collections.abc import Sequence

from flygate_limiter import (
    Charge,
    FakeClock,
    GuardedStore,
    Key,
    MemoryStore,
    Quota,
    StoreUnavailableError,
    Taken,
)
from flygate_service.login import Lockout, LoginGuard, Outcome, Unlock
from hypothesis import example, given
from hypothesis import strategies as st

ADA = "ada@example.org"
STRANGER, OWNER = "198.51.100.1", "192.0.2.1"


class Scene:
    """A guard over a store whose time is ours."""

    def __init__(self, attempts: int = 5) -> None:
        """Five attempts in 15 minutes, then a lock of 20."""
        self.clock = FakeClock()
        self.store = MemoryStore(clock=self.clock)
        self.rules = Lockout.of(attempts, 15, 20)
        self.guard = LoginGuard(self.store, self.rules)

    async def fail(
        self, account: str = ADA, network: str = STRANGER, device: str | None = None
    ) -> Outcome:
        """A wrong password."""
        return (await self.guard.admit(account, network, device)).outcome

    async def succeed(self, network: str = OWNER, device: str | None = None) -> Outcome:
        """The right password."""
        attempt = await self.guard.admit(ADA, network, device)
        if attempt.outcome is Outcome.ADMITTED:
            await self.guard.succeeded(attempt)
        return attempt.outcome


async def test_locks_after_the_attempts() -> None:
    """The last attempt locks for as long as it says, to the second; retries do not extend it."""
    scene = Scene()
    outcomes = [await scene.fail() for _ in range(6)]
    scene.clock.advance(seconds=20 * 60 - 1)
    before = await scene.fail()
    scene.clock.advance(seconds=1)

    assert outcomes == [Outcome.ADMITTED] * 5 + [Outcome.LOCKED]
    assert before is Outcome.LOCKED
    assert await scene.fail() is Outcome.ADMITTED


async def test_a_stranger_does_not_lock_the_owner_out() -> None:
    """While a stranger is locked, the owner logs in from elsewhere."""
    scene = Scene()
    for _ in range(10):
        await scene.fail()

    assert await scene.succeed() is Outcome.ADMITTED


async def test_a_botnet_does_not_lock_a_known_device_out() -> None:
    """Guesses from a thousand addresses slow the account down, but not the owner's device."""
    scene = Scene()
    guesses = [await scene.fail(network=f"203.0.{n // 250}.{n % 250}") for n in range(1_000)]
    unknown_device = await scene.succeed()

    assert guesses.count(Outcome.ADMITTED) == 20
    assert unknown_device is Outcome.LOCKED
    assert await scene.succeed(device="laptop") is Outcome.ADMITTED


async def test_an_account_is_guessed_at_most_a_hundred_times_an_hour() -> None:
    """From however many addresses, in an hour no more than the burst and a hundred pass."""
    scene = Scene()
    passed = 0
    for second in range(3_600):
        passed += (await scene.fail(network=f"10.0.{second // 250}.{second % 250}")) == "admitted"
        scene.clock.advance(seconds=1)

    assert 100 <= passed <= 120


async def test_one_password_on_many_accounts() -> None:
    """An address that tries many accounts is stopped, whatever the accounts."""
    scene = Scene()
    outcomes = [await scene.fail(account=f"user{n}") for n in range(60)]

    assert outcomes.count(Outcome.ADMITTED) == 50
    assert outcomes[-1] is Outcome.ADDRESS


async def test_parallel_guesses_do_not_pass() -> None:
    """Guesses sent at once get no more attempts than guesses in a row."""
    scene = Scene()

    attempts = await asyncio.gather(*(scene.guard.admit(ADA, STRANGER, None) for _ in range(50)))

    assert sum(attempt.outcome is Outcome.ADMITTED for attempt in attempts) == 5


@given(st.lists(st.booleans(), max_size=40))
@example([False] * 40)
async def test_success_costs_nothing(outcomes: list[bool]) -> None:
    """A client that knows the password has all attempts again after each success."""
    scene = Scene()
    failures = 0
    for is_right in outcomes:
        if failures == 4 or is_right:
            assert await scene.succeed(network=STRANGER) is Outcome.ADMITTED
            failures = 0
        else:
            assert await scene.fail() is Outcome.ADMITTED
            failures += 1


async def test_unknown_accounts_count_the_same() -> None:
    """A name that no account has is locked, too: the guard does not know which exist."""
    scene = Scene()

    outcomes = [await scene.fail(account="stranger") for _ in range(6)]

    assert outcomes == [Outcome.ADMITTED] * 5 + [Outcome.LOCKED]


async def test_a_known_device_is_locked_for_itself() -> None:
    """A stolen device has no more guesses than others."""
    scene = Scene()

    outcomes = [await scene.fail(device="stolen") for _ in range(6)]

    assert outcomes[-1] is Outcome.LOCKED
    assert await scene.succeed() is Outcome.ADMITTED


async def test_operators_unlock() -> None:
    """An operator frees an account, and an address at it."""
    scene = Scene()
    for _ in range(6):
        await scene.fail()

    unlock = Unlock(scene.store, scene.rules)
    done = await unlock(ADA, STRANGER)
    assert done.held == ("address at the account",)
    assert done.still == ()
    assert await scene.fail() is Outcome.ADMITTED
    assert (await unlock("stranger", OWNER)).held == ()


async def test_success_undoes_the_lock_of_the_last_attempt() -> None:
    """The right password at the last attempt is welcome, and so are those after it."""
    for device in (None, "laptop"):
        scene = Scene(attempts=2)
        await scene.fail(network=OWNER, device=device)

        assert await scene.succeed(device=device) is Outcome.ADMITTED
        assert await scene.succeed(device=device) is Outcome.ADMITTED


async def test_what_cannot_be_locked_is_not_tried() -> None:
    """The last attempt is refused if its lock cannot be kept: a guesser would get away with it."""

    class Forgetful(MemoryStore):
        async def owe(self, key: Key, quota: Quota, owed_ns: int) -> None:
            raise StoreUnavailableError("gone since")

    guard = LoginGuard(Forgetful(), Lockout.of(3, 15, 20))
    outcomes = [(await guard.admit(ADA, OWNER, None)).outcome for _ in range(4)]

    assert outcomes == [Outcome.ADMITTED] * 2 + [Outcome.UNAVAILABLE, Outcome.LOCKED]


async def test_never_fails_open() -> None:
    """Without a store no attempt is admitted, and none is counted."""

    class Away(MemoryStore):
        async def take(self, charges: Sequence[Charge]) -> Taken:
            raise StoreUnavailableError("away")

    memory = MemoryStore()
    guard = LoginGuard(GuardedStore(Away(), memory), Lockout.of(5, 15, 20))

    outcomes = [(await guard.admit(ADA, OWNER, device)).outcome for device in [None, "laptop"] * 5]

    assert set(outcomes) == {Outcome.UNAVAILABLE}
    assert not memory.export_now().owed
