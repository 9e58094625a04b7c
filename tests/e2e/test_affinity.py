"""Sticky sessions on the local Fly: one bucket for each client, however many machines there are."""

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from math import floor
from pathlib import Path

import pytest
from flygate_wire.own_paths import SHARE_ORDER
from flygate_wire.signature import Signatures

from tests.support.crowd import Crowd
from tests.support.service_fleet import KEY, ServiceFleet, service_fleet
from tests.support.tally import SERVED, Limit, Tally

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(90),
    pytest.mark.skipif(sys.platform != "linux", reason="clients need addresses of their own"),
]

LIMIT = Limit(per_second=3, burst=9)
PACE = 3 * LIMIT.per_second
REGIONS = ("iad", "iad", "lhr", "lhr", "syd")
REPLAYED = 'flygate_affinity_requests_total{reason="",way="replayed"'
SHARED = 'flygate_affinity_requests_total{reason="disagreement",way="fair_share"'


@asynccontextmanager
async def fleet(
    state_dir: Path, affinity: str, regions: Sequence[str] = REGIONS
) -> AsyncIterator[ServiceFleet]:
    """Machines which have served, and so know each other."""
    async with service_fleet(
        state_dir,
        RATE_LIMIT_AFFINITY=affinity,
        RATE_LIMIT_RPM=f"{60 * LIMIT.per_second:g}",
        RATE_LIMIT_BURST=str(LIMIT.burst),
    ) as made:
        for region in regions:
            await made.grow(1, region=region)
        await crowd(made, 60, row=250).ask_for(1)
        if affinity == "on":
            await made.knows(len(regions))
        yield made


def crowd(made: ServiceFleet, number: int, row: int, cookies: bool = True) -> Crowd:
    """Clients in all regions, who ask for three times what they may have."""
    url, app, regions = made.fly.fly.proxy_url, made.fly.app, sorted(set(REGIONS))
    return Crowd(url, app, number, PACE, regions=regions, row=row, keeps_cookies=cookies)


async def test_each_client_gets_its_limit(tmp_path: Path) -> None:
    """No more and no less on five machines in three regions, whatever cookies clients send."""
    async with fleet(tmp_path / "fly", "on") as made:
        honest = crowd(made, 50, row=0)
        shared = await made.total(SHARED)
        await assert_exact(made, honest)
        assert await made.total(REPLAYED) < 0.3 * honest.statuses().total()

        forging = crowd(made, 20, row=1, cookies=False)
        cookies = [one.cookie for one in honest.clients if one.cookie]
        for number, one in enumerate(forging.clients):
            one.cookie = cookies[number] if number % 2 else "flygate_affinity=forged"
        await assert_exact(made, forging)
        await assert_exact(made, honest)
        assert await made.total(SHARED) == shared


async def assert_exact(made: ServiceFleet, clients: Crowd) -> None:
    """Within burst + rate * t, and above 99 % of the whole units that it could have got."""
    for one in clients.clients:
        one.admitted, one.began, one.answered = 0, 0.0, 0.0
    await clients.ask_for(4)
    print(f"{len(made.ids)} machines: {Tally.of(clients, LIMIT)}")
    for one in clients.clients:
        # Units are whole.
        assert 0.99 * floor(LIMIT.owes(one)) <= one.admitted <= LIMIT.allows(one)
    assert set(clients.statuses()) <= SERVED


async def test_a_process_group_knows_its_own_machines_only(tmp_path: Path) -> None:
    """Neither a second group of the service nor a worker owns its clients, or is missed."""
    limits = {"RATE_LIMIT_AFFINITY": "on", "RATE_LIMIT_RPM": "60"}
    async with service_fleet(tmp_path / "fly", **limits) as made:
        await made.work("worker")
        groups = {"web": await made.grow(2, "web"), "admin": await made.grow(1, "admin")}
        for machine in made.ids:  # let in by the proxy, as a rollout does
            signed = Signatures(KEY).fields("GET", SHARE_ORDER)
            await made.fly.ask(SHARE_ORDER, fly_force_instance_id=machine, **signed)

        for group in groups.values():
            made.ids = group
            await made.knows(len(group))
            assert await made.total("flygate_cluster_silent") == 0


async def test_without_affinity_there_is_a_bucket_on_each_machine(tmp_path: Path) -> None:
    """The leak that affinity stops: each client gets much more than its limit."""
    async with fleet(tmp_path / "fly", "off", ("iad", "iad", "iad")) as made:
        clients = crowd(made, 50, row=4)
        await clients.ask_for(4)
        tally = Tally.of(clients, LIMIT)
        print(f"affinity off: {tally}")
        assert tally.least > 1.4
