"""What other limiters do wrong with Redis, each seen in a released version, tried on ours."""

import asyncio
import time

import pytest
from flygate_limiter import Charge, Source, parse

from tests.support.http_load import send_requests
from tests.support.redis_server import RedisServer
from tests.support.service_process import StartService

from .faults import Link
from .stores import guarded_store
from .test_service_faults import start, until_degraded
from .waiting import until_redis_decides

pytestmark = pytest.mark.integration


async def test_a_restart_of_redis_is_no_lasting_error(
    start_service: StartService, link: Link
) -> None:
    """fastapi-limiter 0.2 answers 500 for ever, since Redis has forgotten the script."""
    service = await start(start_service, link)
    await send_requests(service.port, 20)
    await link.server.kill()
    await link.server.start()
    served = await send_requests(service.port, 100)
    await until_degraded(service, False)
    keys = await link.server.command("DBSIZE")

    assert set(served.statuses) == {200}
    assert keys > 0


@pytest.mark.parametrize("text", ["100/s burst 1", "40/s burst 5", "3000/m burst 2"])
async def test_a_small_burst_is_a_limit(redis_server: RedisServer, text: str) -> None:
    """throttled-py 3.5 is unlimited with a burst below half the rate: its keys expire at once."""
    quota = parse(text)
    async with guarded_store(redis_server.url, RATE_LIMIT_BUDGET_MILLISECONDS="1000") as store:
        await until_redis_decides(store)
        began = time.perf_counter()
        answers = [await store.take([Charge(("test", "a"), quota)]) for _ in range(200)]
        elapsed = time.perf_counter() - began

    admitted = sum(taken.decisions[0].allowed for taken in answers)
    refilled = elapsed * quota.units * 1e9 / quota.period_ns
    assert {taken.source for taken in answers} <= {Source.REDIS, Source.DENY_CACHE}
    assert quota.burst <= admitted <= quota.burst + refilled + 1
    assert admitted < len(answers)


async def test_a_hung_redis_does_not_stop_the_loop(link: Link) -> None:
    """slowapi 0.1.10 blocks the whole event loop, and a call of throttled-py 3.5 takes 8 s."""
    gaps: list[float] = []

    async def beat() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.005)
            gaps.append(time.perf_counter() - began)

    async with guarded_store(link.url, RATE_LIMIT_BUDGET_MILLISECONDS="50") as store:
        await until_redis_decides(store)
        link.server.pause()
        heart = asyncio.create_task(beat())
        began = time.perf_counter()
        for number in range(200):
            await store.take([Charge(("test", str(number)), parse("5/h"))])
        elapsed = time.perf_counter() - began
        heart.cancel()
        link.server.resume()

    assert elapsed < 2
    assert max(gaps) < 0.5


async def test_the_algorithm_changes_on_a_live_redis(redis_server: RedisServer) -> None:
    """limits 5.8 fails with WRONGTYPE if the strategy is changed while its keys are there."""
    charge = Charge(("test", "a"), parse("5/h"))
    for algorithm in ("token_bucket", "sliding_window", "token_bucket", "sliding_window"):
        async with guarded_store(redis_server.url, RATE_LIMIT_ALGORITHM=algorithm) as store:
            await until_redis_decides(store)
            answers = [await store.take([charge]) for _ in range(6)]

        assert {taken.source for taken in answers} <= {Source.REDIS, Source.DENY_CACHE}
        assert not answers[-1].decisions[0].allowed


@pytest.mark.parametrize("crowd", [300, 3_000])
async def test_a_crowd_needs_no_pool(link: Link, crowd: int) -> None:
    """redis-py 8.1 raises for 200 of 300 calls at once: its pool ends at 100 connections."""
    async with guarded_store(link.url, RATE_LIMIT_BUDGET_MILLISECONDS="5000") as store:
        answers = await asyncio.gather(
            *(store.take([Charge(("test", str(n)), parse("5/h"))]) for n in range(crowd))
        )

    assert {taken.source for taken in answers} == {Source.REDIS}
    assert link.proxy.most_open <= 8
