"""Scale to zero: an idle machine of the real service is suspended, and that frees no client."""

import asyncio
import os
import signal
import sys
import time
from itertools import count
from pathlib import Path

import pytest

from tests.support.phase_fleet import PhaseFleet, phase_fleet
from tests.support.tcp_proxy import TcpProxy
from tests.support.valkey import Valkey
from tests.support.witnesses import Witnesses, environment

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform != "linux", reason="clients need addresses of their own"),
]

SHORT = """
[[policy]]
name = "short"
quota = "1/s burst 2"
routes = ["GET /_flygate/probe"]
"""


async def test_idleness_frees_no_client(tmp_path: Path) -> None:
    """After a suspend and a resume who was refused is refused, a locked login is locked, and
    others are served, by the same process.
    """
    async with phase_fleet(1, tmp_path, env=environment(tmp_path)) as fleet:
        witnesses = Witnesses(fleet)
        await witnesses.fall()
        pid = await fleet.pid(fleet.ids[0])
        for number in range(3):
            await fleet.asleep()
            began = time.perf_counter()
            answer = await fleet.ask()
            print(f"resumed and answered in {(time.perf_counter() - began) * 1000:.0f} ms")
            assert answer.status_code == 200, number
            assert await witnesses.freed() == []

        assert await fleet.pid(fleet.ids[0]) == pid


async def test_the_time_asleep_counts(tmp_path: Path) -> None:
    """Who was refused for a second is served after it, though the machine slept meanwhile."""
    async with phase_fleet(1, tmp_path, env=environment(tmp_path, SHORT)) as fleet:
        answers = [await fleet.ask("/_flygate/probe") for _ in range(3)]
        began = time.monotonic()
        await fleet.asleep()
        await asyncio.sleep(began + float(answers[2].headers["retry-after"]) - time.monotonic())
        again = [await fleet.ask("/_flygate/probe") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [204, 204, 429]
    assert again[0].status_code == 204
    assert again[2].status_code == 429


async def test_a_lost_snapshot_is_a_cold_start(tmp_path: Path) -> None:
    """Fly may discard what it keeps of a suspended machine: the next request starts it anew."""
    async with phase_fleet(1, tmp_path) as fleet:
        machine = await fleet.asleep()
        pid = await fleet.pid(machine)
        os.kill(pid, signal.SIGKILL)
        await fleet.fly.wait(machine, "stopped")
        began = time.perf_counter()
        answer = await fleet.ask()
        print(f"started and answered in {(time.perf_counter() - began) * 1000:.0f} ms")

        assert answer.status_code == 200
        assert await fleet.pid(machine) != pid


async def test_one_stays_awake(tmp_path: Path) -> None:
    """Of phase 2's two machines the one too many sleeps, and the other never."""
    async with phase_fleet(2, tmp_path, machines=2) as fleet:
        sleeper = await fleet.asleep()
        [other] = set(fleet.ids) - {sleeper}
        for _ in range(5):
            fleet.fly.fly.clock.advance(1)
            assert (await fleet.fly.get(other))["state"] == "started"


async def test_redis_is_found_again(tmp_path: Path) -> None:
    """A resumed machine whose connections have died fails no request, and keeps its limits."""
    server = Valkey(tmp_path)
    await server.start()
    try:
        async with TcpProxy(server.port) as between:
            url = f"redis://127.0.0.1:{between.port}/0"
            env = {**environment(tmp_path), "RATE_LIMIT_STORAGE": "redis", "REDIS_URL": url}
            async with phase_fleet(1, tmp_path, env=env) as f:
                await decides(server, f)
                witnesses = Witnesses(f)
                await witnesses.fall()
                await f.asleep()
                await between.cut()
                answers = [await f.ask() for _ in range(5)]
                assert {answer.status_code for answer in answers} == {200}
                await decides(server, f)
                assert await witnesses.freed() == []
    finally:
        await server.kill()


async def decides(server: Valkey, fleet: PhaseFleet) -> None:
    """Wait until Redis knows a new client: it is asked again soon after a connection was lost."""
    known, clients = await server.command("DBSIZE"), count(1)
    async with asyncio.timeout(10):
        while await server.command("DBSIZE") == known:
            await fleet.ask("/items/1", f"127.77.242.{next(clients)}")
