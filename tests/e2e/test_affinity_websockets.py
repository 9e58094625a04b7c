"""WebSockets through the local Fly's proxy: each at its client's machine, within its limit."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from flygate.config.source import SERVICE
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from tests.support.crowd import Crowd
from tests.support.service_fleet import ServiceFleet, service_fleet

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(60),
    pytest.mark.skipif(sys.platform != "linux", reason="clients need addresses of their own"),
]

MACHINES, BURST = 3, 4
WAYS = "flygate_affinity_requests_total"


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[ServiceFleet]:
    """Three machines that know each other, around an application with a WebSocket."""
    async with service_fleet(
        tmp_path / "fly",
        sources=(*SERVICE, "tests/service/apps.py"),
        SERVICE_APP="tests.service.apps:make_app()",
        RATE_LIMIT_AFFINITY="on",
        RATE_LIMIT_RPM="1",
        RATE_LIMIT_BURST=str(BURST),
    ) as made:
        await made.grow(MACHINES)
        await Crowd(made.fly.fly.proxy_url, made.fly.app, 30, 10, row=250).ask_for(0.5)
        await made.knows(MACHINES)
        yield made


def dial(fleet: ServiceFleet, address: str) -> connect:
    """A WebSocket of a client with an address of its own; it keeps no cookie."""
    url = httpx.URL(fleet.fly.fly.proxy_url)
    assert url.host == "127.0.0.1"
    return connect(
        f"ws://{fleet.fly.app}.localhost:{url.port}/echo",
        host="127.0.0.1",
        local_addr=(address, 0),
        proxy=None,
    )


async def machine_of(socket: ClientConnection) -> str:
    """The machine that a WebSocket leads to, once it was seen to carry texts both ways."""
    machine = str(await socket.recv())
    await socket.send("to and fro")
    assert await socket.recv() == "to and fro"
    return machine


async def test_a_websocket_leads_to_its_clients_machine_within_its_limit(
    fleet: ServiceFleet,
) -> None:
    """Wherever the handshake came in; who has opened too many gets 429, with the time to wait."""
    await assert_sticky(fleet)
    await assert_lasting(fleet)


async def assert_sticky(fleet: ServiceFleet) -> None:
    """All of a client's lead to one machine, and no more of them than its burst has units."""
    machines: dict[str, set[str]] = {}
    for address in (f"127.77.210.{n}" for n in range(1, 13)):
        machines[address] = set()
        for _ in range(BURST):
            async with dial(fleet, address) as socket:
                machines[address].add(await machine_of(socket))
        with pytest.raises(InvalidStatus) as refused:
            await dial(fleet, address).__aenter__()
        assert refused.value.response.status_code == 429
        assert 0 < int(refused.value.response.headers["retry-after"]) <= 60

    assert {len(found) for found in machines.values()} == {1}
    assert len({machine for found in machines.values() for machine in found}) == MACHINES
    assert await fleet.total(f'{WAYS}{{reason="",way="replayed"') > 0
    assert await fleet.total(f'{WAYS}{{reason="websocket",way="fair_share"') == 0


async def assert_lasting(fleet: ServiceFleet) -> None:
    """What was opened stays open while its client is refused, and while the members change."""
    async with dial(fleet, "127.77.211.1") as socket:
        mine = await machine_of(socket)
        others = [machine for machine in fleet.ids if machine != mine]
        await fleet.retire(others[0])
        async with asyncio.timeout(10):
            while not await _is_refused(fleet, "127.77.211.1"):
                pass
        await socket.send("still here")
        assert await socket.recv() == "still here"


async def _is_refused(fleet: ServiceFleet, address: str) -> bool:
    try:
        async with dial(fleet, address):
            return False
    except InvalidStatus as exc:
        return exc.response.status_code == 429
