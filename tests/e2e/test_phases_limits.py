"""Limits on their way through the phases: into Redis, back, and while Redis is away."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support import changes, redis_outage
from tests.support.changes import PAGES
from tests.support.operator import operator
from tests.support.phase_changes import PhaseChanges
from tests.support.service_fleet import service_fleet
from tests.support.valkey import Valkey
from tests.support.witnesses import EACH, Witnesses, environment

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(150),
    pytest.mark.skipif(sys.platform != "linux", reason="clients need addresses of their own"),
]

# A shared machine may take its time.
PATIENT = {"RATE_LIMIT_BUDGET_MILLISECONDS": "500"}


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[Valkey]:
    """An empty server."""
    folder = tmp_path / "redis"
    folder.mkdir()
    server = Valkey(folder)
    await server.start()
    yield server
    server.resume()
    await server.kill()


async def test_no_change_of_phase_frees_a_client(tmp_path: Path, redis: Valkey) -> None:
    """1 to 2 to 3 to 2: limits hold, who is denied or locked out stays so, no request fails."""
    phases = PhaseChanges(redis.url, machines=(1, 2, 3))
    known = {**environment(tmp_path, PAGES, number=3 * EACH), **PATIENT}
    async with operator(tmp_path, **known) as one:
        await phases.to(1)(one)
        for row, phase in enumerate((2, 3, 2)):
            outcome = await changes.observe(f"to {phase}", phases.to(phase), one, 30, row)
            print(outcome)

            assert outcome.bursts_too_many < 1
            assert outcome.freed == []
            assert outcome.tally.failed == 0


async def test_a_machine_that_sleeps_hands_over_too(tmp_path: Path) -> None:
    """An app of phase 1 without traffic is released anew: its locks and limits stay."""
    async with operator(tmp_path, **environment(tmp_path, PAGES)) as one:
        await one.release(1)
        witnesses = Witnesses(one.fleet)
        await witnesses.fall()
        [sleeper] = one.fleet.ids
        await one.fleet.fly.post(sleeper, "suspend")
        await one.fleet.fly.wait(sleeper, "suspended")
        await one.release(1, GREETING="hello")

        assert one.fleet.ids != [sleeper]
        assert await witnesses.freed() == []


async def test_without_redis_each_machine_gives_its_share(tmp_path: Path, redis: Valkey) -> None:
    """No 500 and no burst: neither when it goes nor when it is back, having forgotten all."""
    known = {**environment(tmp_path, PAGES), "RATE_LIMIT_STORAGE": "redis", "REDIS_URL": redis.url}
    async with service_fleet(tmp_path / "fly", **known, **PATIENT) as fleet:
        await fleet.grow(3)
        outage = await redis_outage.observe(
            "killed", fleet, redis.kill, redis.start, clients=30, row=0, seconds=3
        )
    print(outage)

    assert outage.tally.failed == 0
    assert outage.freed == []
    # Less than a unit of each machine, which can't know what the others gave a moment ago.
    assert outage.bursts_too_many < 1 / 2
    assert 0.8 < outage.mean_share < 1.2
