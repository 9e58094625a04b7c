"""A machine with limits in memory that has a Redis: what was limited there stays so."""

from pathlib import Path

import pytest
from flygate_limiter import MemoryStore
from flygate_service.settings import Settings
from flygate_service.wiring.takeover import take_over
from structlog.testing import CapturingLogger

from tests.support.valkey import Valkey

from .conftest import ServiceProcess, StartService

LIMITS = {"FLY_APP_NAME": "demo", "RATE_LIMIT_RPM": "1", "RATE_LIMIT_BURST": "2"}


@pytest.mark.integration
async def test_the_way_back_into_memory(tmp_path: Path, start_service: StartService) -> None:
    """Also when no machine is left that could hand anything over, and by another quota."""
    valkey = Valkey(tmp_path)
    await valkey.start()
    # On a busy machine even a Redis that is well may take its time.
    known = {**LIMITS, "REDIS_URL": valkey.url, "RATE_LIMIT_BUDGET_MILLISECONDS": "1000"}
    try:
        before = await start_service(**known, RATE_LIMIT_STORAGE="redis")
        taken = [await _status(before) for _ in range(3)]
        changed = {**known, "RATE_LIMIT_BURST": "1"}
        after = await start_service(**changed, RATE_LIMIT_STORAGE="memory")
        kept = await _status(after)
    finally:
        await valkey.kill()

    assert taken == [200, 200, 429]
    assert kept == 429


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1", "no address at all"])
async def test_a_redis_that_is_gone_stops_no_start(url: str) -> None:
    """It is said, and the machine starts."""
    log = CapturingLogger()
    settings = Settings.from_environment({"REDIS_URL": url})

    await take_over(settings.limiter, MemoryStore(), log)

    [call] = log.calls
    assert call.args == ("not all limits taken over from Redis",)
    assert "no address" not in str(call)


async def _status(machine: ServiceProcess) -> int:
    return (await machine.client.get("/", headers={"Fly-Client-IP": "192.0.2.1"})).status_code
