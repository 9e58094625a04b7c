"""A daemon that is killed leaves a machine with its volume, and the next one adopts it."""

import asyncio
import os
import signal
import sys

import pytest

from tests.localfly.typed import Flygate
from tests.support.localfly import Machines, ended

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux has mounts of one process"),
]


async def test_a_machine_with_a_volume_is_adopted(flygate: Flygate) -> None:
    """It is the same process, with the same data."""
    ports = ("--api-port", "0", "--proxy-port", "0")
    await asyncio.to_thread(flygate.run, "up", *ports)
    daemon = (await asyncio.to_thread(flygate.status))["pid"]
    async with flygate.clients() as (api, proxy):
        machines = Machines(None, api, proxy)  # type: ignore[arg-type]
        await machines.setup()
        made = (await api.post("/v1/apps/demo/volumes", json={"name": "data"})).json()
        mounts = [{"volume": made["id"], "path": "/data"}]
        machine = (await machines.serving(config=machines.config(mounts=mounts)))["id"]
        write = {"command": ["sh", "-c", "echo row > /data/row"]}
        assert (await machines.post(machine, "exec", json=write)).json()["exit_code"] == 0
    before = flygate.processes()
    os.kill(daemon, signal.SIGKILL)
    assert await ended(daemon)
    await asyncio.to_thread(flygate.run, "up", *ports)
    async with flygate.clients() as (api, proxy):
        machines = Machines(None, api, proxy)  # type: ignore[arg-type]
        await machines.healthy(machine)
        assert flygate.processes() == before
        read = {"command": ["cat", "/data/row"]}
        assert (await machines.post(machine, "exec", json=read)).json()["stdout"] == "row\n"
