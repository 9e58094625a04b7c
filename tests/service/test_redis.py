"""The service with Redis: two machines share a limit, and go on without it."""

import asyncio
import os
import subprocess
from pathlib import Path

import pytest
from flygate.fly.models import ExecResult
from flygate.rollout.gates.expectation import Expectation
from flygate_service.settings import SettingError, Settings

from tests.support.redis_server import free_port
from tests.support.valkey import Valkey

from .conftest import ServiceProcess, StartService

KEY = "a key that only the tests have"


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
        health = (await machines[0].client.get("/health")).json()
    finally:
        await valkey.kill()

    assert shared == [200] * 4 + [429] * 2
    assert alone == [200] * 2 + [429] * 2
    assert health["degraded"] is True


@pytest.mark.integration
@pytest.mark.parametrize(
    ("form", "limiter", "said"),
    [
        ("redis://127.0.0.1:{port}", False, ""),
        ("redis://:canary@127.0.0.1:{port}", True, "refused the log-in"),
        ("rediss://127.0.0.1:{port}", False, "Redis did not answer within"),
        ("redis://127.0.0.1:{free}", False, "cannot be reached"),
    ],
    ids=["well", "wrong password", "no TLS there", "no server there"],
)
async def test_a_release_proves_that_its_redis_can_be_used(
    tmp_path: Path, start_service: StartService, form: str, limiter: bool, said: str
) -> None:
    """The smoke check says why it can't; the public does not, and it shows no password."""
    valkey = Valkey(tmp_path)
    await valkey.start()
    try:
        machine = await start_service(
            FLY_APP_NAME="demo",
            FLYGATE_KEY=KEY,
            RATE_LIMIT_STORAGE="redis",
            REDIS_URL=form.format(port=valkey.port, free=free_port()),
            RATE_LIMIT_RPM="1",
            RATE_LIMIT_BURST="1",
            RATE_LIMIT_BUDGET_MILLISECONDS="1000",
        )
        expected = Expectation(machine.client.base_url.port or 0, limiter, 1, 1 / 60)
        found = expected.problem(await _run(expected.command(KEY)))
        outside = await machine.client.get("/health", headers={"Fly-Client-IP": "192.0.2.1"})
    finally:
        await valkey.kill()

    assert said in found
    assert bool(said) == ("can't be used" in found)
    assert outside.json()["degraded"] is bool(said)
    assert not {"problem", "limiter"} & set(outside.json())
    assert "canary" not in found


def test_a_missing_url_is_named() -> None:
    """Redis without a URL is refused, and a wrong URL is not shown: it may hold a password."""
    with pytest.raises(SettingError, match="REDIS_URL: found 'nothing'"):
        Settings.from_environment({"RATE_LIMIT_STORAGE": "redis"})
    with pytest.raises(SettingError) as refused:
        Settings.from_environment({"RATE_LIMIT_STORAGE": "redis", "REDIS_URL": "http://u:canary@h"})

    assert "canary" not in str(refused.value)


async def _run(command: list[str]) -> ExecResult:
    """A command inside a machine."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={"PATH": os.environ["PATH"]}
    )
    out, err = await process.communicate()
    return ExecResult(exit_code=process.returncode or 0, stdout=out.decode(), stderr=err.decode())


async def _status(machine: ServiceProcess, address: str) -> int:
    answer = await machine.client.get("/", headers={"Fly-Client-IP": address})
    return answer.status_code
