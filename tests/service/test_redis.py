"""The service with Redis: two machines share a limit, and go on without it."""

from pathlib import Path

import pytest

from service.settings import SettingError, Settings
from tests.support.valkey import Valkey

from .conftest import ServiceProcess, StartService


@pytest.mark.integration
async def test_two_machines_and_an_outage(tmp_path: Path, start_service: StartService) -> None:
    """Two machines let through one burst together; without Redis each gives its share."""
    valkey = Valkey(tmp_path)
    await valkey.start()
    environment = {
        "FLY_APP_NAME": "demo",
        "RATE_LIMIT_STORAGE": "redis",
        "REDIS_URL": valkey.url,
        "RATE_LIMIT_RPM": "1",
        "RATE_LIMIT_BURST": "4",
        "RATE_LIMIT_MACHINES": "2",
        "RATE_LIMIT_BUDGET_MILLISECONDS": "1000",
    }
    try:
        machines = [await start_service(**environment) for _ in range(2)]
        shared = [await _status(machines[n % 2], "192.0.2.1") for n in range(6)]
        await valkey.kill()
        alone = [await _status(machines[0], "192.0.2.2") for _ in range(4)]
        health = (await machines[0].client.get("/health")).json()["limiter"]
    finally:
        await valkey.kill()

    assert shared == [200] * 4 + [429] * 2
    assert alone == [200] * 2 + [429] * 2
    assert health["storage"] == "redis"
    assert health["degraded"] is True


def test_a_missing_url_is_named() -> None:
    """Redis without a URL is refused, and a wrong URL is not shown: it may hold a password."""
    with pytest.raises(SettingError, match="REDIS_URL: found 'nothing'"):
        Settings.from_environment({"RATE_LIMIT_STORAGE": "redis"})
    with pytest.raises(SettingError) as refused:
        Settings.from_environment({"RATE_LIMIT_STORAGE": "redis", "REDIS_URL": "http://u:canary@h"})

    assert "canary" not in str(refused.value)


async def _status(machine: ServiceProcess, address: str) -> int:
    answer = await machine.client.get("/", headers={"Fly-Client-IP": address})
    return answer.status_code
