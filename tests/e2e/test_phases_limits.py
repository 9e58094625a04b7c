"""Limits on their way through the phases: from memory into Redis and back, while clients ask."""

import asyncio
import json
import sys
from pathlib import Path

import httpx
import pytest
from argon2 import PasswordHasher

from tests.support.crowd import Crowd
from tests.support.phase_walk import PhaseWalk
from tests.support.service_fleet import ServiceFleet, service_fleet
from tests.support.valkey import Valkey

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(150),
    pytest.mark.skipif(sys.platform != "linux", reason="clients need addresses of their own"),
]

PER_SECOND, BURST = 3, 9
POLICIES = f"""
[[policy]]
name = "pages"
quota = "{60 * PER_SECOND}/m burst {BURST}"
routes = ["GET /"]

[[policy]]
name = "reports"
quota = "2/h"
routes = ["GET /reports"]
"""
DENIED, STRANGER = "127.77.201.1", "127.77.201.2"


async def test_no_change_of_phase_frees_anybody(tmp_path: Path) -> None:
    """1 to 2 to 3 to 2: each client has its limit, who is denied or locked out stays so."""
    policies = tmp_path / "policies.toml"
    policies.write_text(POLICIES, encoding="utf-8")
    hasher = PasswordHasher(time_cost=1, memory_cost=1_024, parallelism=1)
    common = {
        "FLYGATE_KEY": "a key that only the tests have",
        "RATE_LIMIT_POLICIES": str(policies),
        "LOGIN_USERS": json.dumps({"ada@example.org": hasher.hash("correct horse")}),
        "LOGIN_MAX_ATTEMPTS": "2",
        # A shared machine may take its time.
        "RATE_LIMIT_BUDGET_MILLISECONDS": "1000",
    }
    redis = Valkey(tmp_path)
    await redis.start()
    try:
        async with service_fleet(tmp_path / "fly") as fleet:
            walk = PhaseWalk(fleet, redis.url, common)
            await walk.to(1)
            await assert_bounded(walk, [2, 3, 2])
    finally:
        await redis.kill()


async def assert_bounded(walk: PhaseWalk, phases: list[int]) -> None:
    """Nobody gets a burst too much, and nobody's verdict changes."""
    clients = Crowd(walk.fleet.fly.fly.proxy_url, walk.fleet.fly.app, 30, 3 * PER_SECOND, row=202)
    async with client(walk.fleet, DENIED) as denied, client(walk.fleet, STRANGER) as stranger:
        assert [await log_in(denied, "wrong") for _ in range(2)] == [401, 401]
        assert [(await denied.get("/reports")).status_code for _ in range(3)] == [404, 404, 429]
        done = asyncio.Event()
        asking = asyncio.create_task(clients.ask_until(done))
        await asyncio.sleep(1)
        for phase in phases:
            await walk.to(phase)
            assert (await denied.get("/reports")).status_code == 429, f"in phase {phase}"
            assert await log_in(denied, "correct horse") == 401, f"in phase {phase}"
            assert await log_in(stranger, "correct horse") == 200, f"in phase {phase}"
            print(f"phase {phase}: {excess(clients):.2f} bursts too much so far")
        done.set()
        await asking

    seconds = clients.clients[0].ended - clients.clients[0].began
    print(f"statuses {dict(clients.statuses())}; {seconds:.0f} s")
    assert set(clients.statuses()) == {200, 429}
    assert excess(clients) < 1


def excess(clients: Crowd) -> float:
    """The most that anybody was given too much, in bursts."""
    now = asyncio.get_running_loop().time()
    return max(
        (one.admitted - BURST - PER_SECOND * ((one.ended or now) - one.began)) / BURST
        for one in clients.clients
    )


def client(fleet: ServiceFleet, address: str) -> httpx.AsyncClient:
    """A browser with an address of its own."""
    url = fleet.fly.fly.proxy_url
    assert httpx.URL(url).host == "127.0.0.1"
    return httpx.AsyncClient(
        base_url=url,
        headers={"host": f"{fleet.fly.app}.localhost"},
        transport=httpx.AsyncHTTPTransport(local_address=address),
        timeout=20,
    )


async def log_in(web: httpx.AsyncClient, password: str) -> int:
    """The status of an attempt."""
    body = {"username": "ada@example.org", "password": password}
    return (await web.post("/auth/login", json=body)).status_code
