"""Sticky sessions on the local Fly: one bucket for each client, however many machines there are."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import floor
from pathlib import Path

import httpx
import pytest
from argon2 import PasswordHasher

from tests.support.crowd import Crowd
from tests.support.service_fleet import ServiceFleet, service_fleet

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(150),
    pytest.mark.skipif(sys.platform != "linux", reason="clients need addresses of their own"),
]

PER_SECOND, BURST = 3, 9
PACE = 3 * PER_SECOND
LIMITS = {"RATE_LIMIT_RPM": str(60 * PER_SECOND), "RATE_LIMIT_BURST": str(BURST)}
OWNER = "127.77.200.1"
# Logins are under no policy but their own.
POLICIES = """
[[policy]]
name = "pages"
quota = "2/h"
routes = ["GET /"]
"""


@asynccontextmanager
async def fleet(
    state_dir: Path, machines: int, affinity: str = "on", **environment: str
) -> AsyncIterator[ServiceFleet]:
    """Machines that have served, and so know each other."""
    async with service_fleet(state_dir, RATE_LIMIT_AFFINITY=affinity, **environment) as made:
        await made.grow(machines)
        await visit(made)
        if affinity == "on":
            await made.knows(machines)
        yield made


async def visit(made: ServiceFleet) -> None:
    """Let each machine serve somebody."""
    await crowd(made, 30, row=250).ask_for(0.5)


def crowd(made: ServiceFleet, number: int, row: int) -> Crowd:
    """Clients who ask for three times what they may have."""
    return Crowd(made.fly.fly.proxy_url, made.fly.app, number, PACE, row=row)


def shares(clients: Crowd) -> list[float]:
    """What each was given, of what its limit is."""
    return [one.admitted / one.allowance(PER_SECOND, BURST) for one in clients.clients]


def excess(clients: Crowd) -> float:
    """The most that anybody was given too much, in bursts."""
    return max((one.admitted - one.allowance(PER_SECOND, BURST)) / BURST for one in clients.clients)


def show(what: str, clients: Crowd) -> None:
    """For whoever reads the test's output."""
    found = shares(clients)
    mean = sum(found) / len(found)
    times = sorted(t * 1000 for one in clients.clients for t in one.seconds)
    print(
        f"{what}: admitted {min(found):.3f} to {max(found):.3f} of the limit, mean {mean:.3f};"
        f" statuses {dict(clients.statuses())};"
        f" p50 {times[len(times) // 2]:.1f} ms, p99 {times[len(times) * 99 // 100]:.1f} ms"
    )


async def test_each_client_gets_its_limit_on_however_many_machines(tmp_path: Path) -> None:
    """No more and no less on 3 machines and on 5; through a rollout and a crash, a burst more."""
    async with fleet(tmp_path / "fly", 3, **LIMITS) as made:
        await assert_exact(made, row=0)
        await made.grow(2)
        await visit(made)
        await made.knows(5)
        await assert_exact(made, row=1)
        await assert_bounded_in_a_rollout(made, row=2)
        await assert_bounded_in_a_crash(made, row=3)


async def assert_exact(made: ServiceFleet, row: int) -> None:
    """Within burst + rate * t, and above 99 % of the whole units that it could have got."""
    before = await made.total('flygate_affinity_requests_total{reason="",way="replayed"')
    clients = crowd(made, 50, row)
    await clients.ask_for(8)

    show(f"{len(made.ids)} machines", clients)
    replayed = await made.total('flygate_affinity_requests_total{reason="",way="replayed"') - before
    print(f"replayed: {replayed / clients.statuses().total():.3f} of all requests")
    for one in clients.clients:
        allowance = one.allowance(PER_SECOND, BURST)
        # Units are whole, and what accrues after the last request is nobody's.
        within_reach = floor(allowance - 1.5 * PER_SECOND / PACE)
        assert 0.99 * within_reach <= one.admitted <= allowance
    assert set(clients.statuses()) == {200, 429}
    assert replayed < 0.2 * clients.statuses().total()


async def assert_bounded_in_a_rollout(made: ServiceFleet, row: int) -> None:
    """New machines come, all old ones go; nobody is refused by the proxy, nobody freed."""
    clients, old = crowd(made, 30, row), list(made.ids)
    asking = asyncio.create_task(clients.ask_for(14))
    await asyncio.sleep(2)
    await made.grow(2)
    for machine in old:
        await made.retire(machine)
    await asking

    show(f"rollout from {len(old)} to {len(made.ids)} machines", clients)
    print(f"at most {excess(clients):.2f} bursts too much")
    assert set(clients.statuses()) == {200, 429}
    assert excess(clients) < 1


async def assert_bounded_in_a_crash(made: ServiceFleet, row: int) -> None:
    """The buckets of a killed machine are lost: its clients get one more burst, the others none."""
    clients = crowd(made, 30, row)
    asking = asyncio.create_task(clients.ask_for(8))
    await asyncio.sleep(3)
    await made.fly.post(made.ids[0], "signal", json={"signal": "SIGKILL"})
    await asking

    show("kill -9", clients)
    print(f"at most {excess(clients):.2f} bursts too much")
    in_flight = sum(n for status, n in clients.statuses().items() if status not in (200, 429))
    assert in_flight <= len(clients.clients)
    assert excess(clients) <= 1


async def test_without_affinity_there_is_a_bucket_on_each_machine(tmp_path: Path) -> None:
    """The leak that affinity stops: the same clients get more than twice their limit."""
    async with fleet(tmp_path / "fly", 3, "off", **LIMITS) as made:
        clients = crowd(made, 50, row=4)
        await clients.ask_for(8)

        show("3 machines, affinity off", clients)
        assert min(shares(clients)) > 1.5


async def test_a_rollout_frees_nobody(tmp_path: Path) -> None:
    """Who is denied before is denied after, and a locked login stays locked."""
    policies = tmp_path / "policies.toml"
    policies.write_text(POLICIES, encoding="utf-8")
    hasher = PasswordHasher(time_cost=1, memory_cost=1_024, parallelism=1)
    environment = {
        "RATE_LIMIT_POLICIES": str(policies),
        "LOGIN_USERS": json.dumps({"ada@example.org": hasher.hash("correct horse")}),
        "LOGIN_MAX_ATTEMPTS": "2",
    }
    async with fleet(tmp_path / "fly", 2, **environment) as made, client(made) as web:
        assert [await log_in(web, "wrong") for _ in range(2)] == [401, 401]
        assert await log_in(web, "correct horse") == 401
        assert [(await web.get("/")).status_code for _ in range(3)] == [200, 200, 429]

        old = list(made.ids)
        await made.grow(2)
        await visit(made)
        for machine in old:
            await made.retire(machine)
        await made.knows(2)

        assert (await web.get("/")).status_code == 429
        assert await log_in(web, "correct horse") == 401
        async with client(made, "127.77.200.2") as stranger:
            assert (await stranger.get("/")).status_code == 200
            assert await log_in(stranger, "correct horse") == 200


def client(made: ServiceFleet, address: str = OWNER) -> httpx.AsyncClient:
    """A browser with an address of its own."""
    url = made.fly.fly.proxy_url
    assert httpx.URL(url).host == "127.0.0.1"
    return httpx.AsyncClient(
        base_url=url,
        headers={"host": f"{made.fly.app}.localhost"},
        transport=httpx.AsyncHTTPTransport(local_address=address),
        timeout=20,
    )


async def log_in(web: httpx.AsyncClient, password: str) -> int:
    """The status of an attempt."""
    body = {"username": "ada@example.org", "password": password}
    return (await web.post("/auth/login", json=body)).status_code
