"""Many requests at once over one connection: each in its own time, none delayed by another."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest
from flygate_limiter import Charge, StoreBusyError, StoreUnavailableError, parse
from flygate_limiter.redis.store import RedisStore

from tests.support.valkey import Valkey

pytestmark = pytest.mark.integration

QUOTA = parse("5/h")
SLACK_SECONDS = 0.25


@pytest.fixture
async def make_store(valkey: Valkey) -> AsyncIterator[Callable[[float], RedisStore]]:
    """Stores with some budget; all are closed afterwards."""
    made: list[RedisStore] = []

    def make(budget_seconds: float) -> RedisStore:
        made.append(RedisStore(valkey.url, b"secret", budget_seconds))
        return made[-1]

    yield make
    for store in made:
        await store.aclose()


def charge(name: object) -> list[Charge]:
    """The charges of a request."""
    return [Charge(("test", str(name)), QUOTA)]


async def test_each_has_its_own_budget(
    valkey: Valkey, make_store: Callable[[float], RedisStore]
) -> None:
    """While Redis hangs no request waits longer than the budget, whenever it came."""
    store = make_store(0.3)
    await store.take(charge("warm"))
    valkey.pause()

    async def wait(delay: float) -> float:
        await asyncio.sleep(delay)
        began = time.monotonic()
        with pytest.raises(StoreUnavailableError):
            await store.take(charge(delay))
        return time.monotonic() - began

    waits = await asyncio.gather(*(wait(n / 20) for n in range(9)))

    assert waits[0] >= 0.29
    assert max(waits) < 0.3 + SLACK_SECONDS


async def test_a_crowd_beyond_what_can_wait_fails_at_once(
    valkey: Valkey, make_store: Callable[[float], RedisStore]
) -> None:
    """No request queues that cannot be answered in time: the last of a crowd don't wait at all."""
    store = make_store(0.5)
    await store.take(charge("warm"))
    valkey.pause()
    crowd = [asyncio.create_task(store.take(charge(n))) for n in range(5_000)]

    done, waiting = await asyncio.wait(crowd, timeout=0.2)

    assert len(done) == 5_000 - 4_096
    assert all(isinstance(task.exception(), StoreBusyError) for task in done)
    late, waiting = await asyncio.wait(waiting, timeout=0.5 + SLACK_SECONDS)
    assert not waiting
    assert all(isinstance(task.exception(), StoreUnavailableError) for task in late)


async def test_a_cancelled_request_disturbs_no_other(
    make_store: Callable[[float], RedisStore],
) -> None:
    """Of the requests of one call some are cancelled; the others get their own answers."""
    store = make_store(5)
    await store.take(charge("warm"))
    tasks = [asyncio.create_task(store.take(charge(n % 10))) for n in range(100)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()

    answers = await asyncio.gather(*tasks, return_exceptions=True)

    assert all(isinstance(answer, asyncio.CancelledError) for answer in answers[::2])
    assert not any(isinstance(answer, BaseException) for answer in answers[1::2])
    assert (await store.take(charge("after"))).decisions[0].remaining == 4


async def test_no_task_and_no_timer_for_each(make_store: Callable[[float], RedisStore]) -> None:
    """A thousand waiting requests are one call: nothing else is made for each."""
    store = make_store(5)
    await store.take(charge("warm"))
    own = [asyncio.create_task(store.take(charge(n))) for n in range(1_000)]
    await asyncio.sleep(0)

    assert len(asyncio.all_tasks()) == len(own) + 1
    await asyncio.gather(*own)


async def test_closing_fails_who_waits(
    valkey: Valkey, make_store: Callable[[float], RedisStore]
) -> None:
    """A store that is closed leaves no request waiting."""
    store = make_store(60)
    await store.take(charge("warm"))
    valkey.pause()
    sent = [asyncio.create_task(store.take(charge(n))) for n in range(2_000)]
    await asyncio.sleep(0.05)

    await store.aclose()

    done, waiting = await asyncio.wait(sent, timeout=5)
    assert not waiting
    assert all(isinstance(task.exception(), StoreUnavailableError) for task in done)


async def test_an_idle_connection_that_was_closed_fails_no_request(
    valkey: Valkey, make_store: Callable[[float], RedisStore]
) -> None:
    """What Redis closed for idleness is opened again for the next request."""
    store = make_store(5)
    await store.take(charge("a"))
    await valkey.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    assert (await store.take(charge("a"))).decisions[0].remaining == 3
