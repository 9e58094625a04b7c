"""A Redis that fails in every way: no decision waits or is lost, and afterwards no client gains."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable

import pytest
from flygate_limiter import Charge, Failure, Key, Source, Taken, parse

from tests.support.redis_server import RedisServer

from .faults import FAULTS, Fault, Link
from .stores import BUDGET_SECONDS, LONGEST_SECONDS, guarded_store
from .waiting import until, until_redis_decides

pytestmark = pytest.mark.integration

BURST = 4
QUOTA = parse(f"{BURST}/h")


def charge(name: object, failure: Failure = Failure.FAIR_SHARE) -> Charge:
    """One unit of a bucket that does not refill within a test."""
    key: Key = ("test", str(name))
    return Charge(key, QUOTA, failure=failure)


async def timed(take: Callable[[], Awaitable[Taken]], waits: list[float]) -> Taken:
    """Take, and note how long it took."""
    began = time.perf_counter()
    taken = await take()
    waits.append(time.perf_counter() - began)
    return taken


def admitted(answers: list[Taken]) -> int:
    """How many were let through."""
    return sum(taken.decisions[0].allowed for taken in answers)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_a_fault(link: Link, fault: Fault) -> None:
    """In time, limited, nothing piles up, closed stays closed; recovered, it starts no burst."""
    waits: list[float] = []
    async with guarded_store(link.url) as store:
        await until_redis_decides(store)
        before = [await store.take([charge("victim")]) for _ in range(BURST + 1)]
        tasks = len(asyncio.all_tasks()) - link.proxy.open_connections

        await fault.strike(link)
        during = [
            await timed(lambda: store.take([charge("newcomer")]), waits) for _ in range(3 * BURST)
        ]
        crowd = await asyncio.gather(
            *(timed(lambda n=n: store.take([charge(n)]), waits) for n in range(300))  # type: ignore[misc]
        )
        closed = [
            await timed(lambda: store.take([charge("login", Failure.CLOSED)]), waits)
            for _ in range(BURST)
        ]
        left_over = len(asyncio.all_tasks()) - tasks
        await fault.mend(link)
        await until_redis_decides(store)
        after = [await store.take([charge("victim")]) for _ in range(2 * BURST)]
        newcomer = [await store.take([charge("newcomer")]) for _ in range(2 * BURST)]

    assert admitted(before) == BURST
    assert max(waits) < LONGEST_SECONDS
    assert statistics.median(waits) < BUDGET_SECONDS
    assert {taken.source for taken in during + crowd} == {Source.FAIR_SHARE}
    assert admitted(during) == BURST
    assert admitted(crowd) == len(crowd)
    assert {taken.source for taken in closed} == {Source.FAILED_CLOSED}
    assert admitted(closed) == 0
    assert left_over <= 3 * 8 + 3, "work piled up"
    assert link.proxy.most_open <= 8
    assert admitted(after) == 0
    assert admitted(newcomer) == 0


async def test_a_long_outage_leaves_nothing_behind(link: Link) -> None:
    """Two thousand decisions while Redis hangs leave no task, no connection and no late charge."""

    async def no_connection() -> bool:
        return link.proxy.open_connections == 0

    async with guarded_store(link.url) as store:
        await until_redis_decides(store)
        link.server.pause()
        await asyncio.gather(*(store.take([charge(n)]) for n in range(2_000)))
        link.server.resume()
        await until_redis_decides(store)
        keys = await link.server.command("DBSIZE")

    assert link.proxy.most_open <= 8
    await until(no_connection)
    # What had been sent before the budget was over may be charged late; what waited was not sent.
    assert keys <= 2_001


async def test_restarted_empty(redis_server: RedisServer) -> None:
    """A Redis that comes back empty, without the script, decides at once, and as it did before."""
    async with guarded_store(redis_server.url) as store:
        before = [await store.take([charge("a")]) for _ in range(BURST + 1)]
        await redis_server.kill()
        await redis_server.start()
        await until_redis_decides(store)
        after = [await store.take([charge("b")]) for _ in range(BURST + 1)]
        again = [await store.take([charge("a")]) for _ in range(BURST + 1)]

    assert admitted(before) == BURST
    assert admitted(after) == BURST
    assert admitted(again) == 0
    assert {taken.source for taken in after} <= {Source.REDIS, Source.DENY_CACHE}


async def test_a_script_that_was_flushed_is_sent_again(redis_server: RedisServer) -> None:
    """SCRIPT FLUSH costs no client a decision, now or later."""
    async with guarded_store(redis_server.url) as store:
        await store.take([charge("a")])
        await redis_server.command("SCRIPT", "FLUSH")
        answers = [await store.take([charge("a")]) for _ in range(BURST)]

    assert {taken.source for taken in answers} <= {Source.REDIS, Source.DENY_CACHE}
    assert admitted(answers) == BURST - 1
