"""What a request takes longer for its client's stickiness."""

import asyncio
import json
import random
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from bench import page
from tests.support.crowd import Crowd
from tests.support.service_fleet import ServiceFleet, service_fleet

MACHINES: Final = 5
WARM_UP: Final = 100
# Half of the time of the other parts is plenty: thousands of requests of each kind.
SHARE: Final = 0.5
CLIENT: Final = "127.77.230.1"
NO_LIMIT: Final = {"RATE_LIMIT_RPM": "1000000", "RATE_LIMIT_BURST": "1000000"}


@dataclass(slots=True)
class Kind:
    """One kind of request, always the same, over a connection of its own."""

    name: str
    request: bytes
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    seconds: list[float] = field(default_factory=list)

    async def ask(self) -> dict[str, str]:
        """Ask once, and take the time."""
        began = time.perf_counter()
        self.writer.write(self.request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        body = await self.reader.readexactly(length)
        self.seconds.append(time.perf_counter() - began)
        reported: dict[str, str] = json.loads(body)
        return reported


async def report(folder: Path, seconds: float) -> list[str]:
    """The table, as lines."""
    async with _fleet(folder / "off", "off") as off, _fleet(folder / "on", "on") as on:
        kinds = await _kinds(off, on)
        for _ in range(WARM_UP):
            for kind in kinds:
                await kind.ask()
        for kind in kinds:
            kind.seconds.clear()
        end = time.monotonic() + seconds * SHARE
        while time.monotonic() < end:
            for kind in random.sample(kinds, len(kinds)):
                await kind.ask()
        for kind in kinds:
            kind.writer.close()
    count = len(kinds[0].seconds)
    return [
        f"One request at a time, of each kind in turn and in random order ({count:,} of each). All"
        " on one computer: between regions a replay takes the way to the owner and back, too.",
        "",
        page.table(
            ["request", "p50 ms", "p99 ms", "added p50", "added p99"],
            [_cells(kind, kinds[0]) for kind in kinds],
        ),
    ]


@asynccontextmanager
async def _fleet(folder: Path, affinity: str) -> AsyncIterator[ServiceFleet]:
    async with service_fleet(folder, RATE_LIMIT_AFFINITY=affinity, **NO_LIMIT) as fleet:
        await fleet.grow(MACHINES)
        await Crowd(fleet.fly.fly.proxy_url, fleet.fly.app, 60, 5, row=250).ask_for(1)
        if affinity == "on":
            await fleet.knows(MACHINES)
        yield fleet


async def _kinds(off: ServiceFleet, on: ServiceFleet) -> list[Kind]:
    owner, cookie = await _owner(on)
    another = next(machine for machine in on.ids if machine != owner)
    return [
        await _kind("affinity off", off, f"fly-prefer-instance-id: {off.ids[0]}"),
        await _kind("reaches the owner by itself", on, f"fly-prefer-instance-id: {owner}"),
        await _kind("brought to the owner by the proxy's memory (cookie)", on, f"cookie: {cookie}"),
        await _kind("replayed", on, f"fly-prefer-instance-id: {another}"),
    ]


async def _owner(on: ServiceFleet) -> tuple[str, str]:
    """The client's machine, and its cookie, once the proxy remembers it."""
    another = await _kind("", on, f"fly-prefer-instance-id: {on.ids[0]}")
    owner = (await another.ask())["machine"]
    another.writer.close()
    url = on.fly.fly.proxy_url
    transport = httpx.AsyncHTTPTransport(local_address=CLIENT)
    headers = {"host": f"{on.fly.app}.localhost"}
    async with httpx.AsyncClient(base_url=url, headers=headers, transport=transport) as web:
        reported = (await web.get("/")).headers["set-cookie"].partition(";")[0]
        elsewhere = next(machine for machine in on.ids if machine != owner)
        sent = {"cookie": reported, "fly-prefer-instance-id": elsewhere}
        assert (await web.get("/", headers=sent)).json()["machine"] == owner
    return owner, reported


async def _kind(name: str, fleet: ServiceFleet, header: str) -> Kind:
    url = httpx.URL(fleet.fly.fly.proxy_url)
    assert url.host == "127.0.0.1"
    streams = await asyncio.open_connection("127.0.0.1", url.port, local_addr=(CLIENT, 0))
    head = f"GET / HTTP/1.1\r\nhost: {fleet.fly.app}.localhost\r\n{header}\r\n\r\n"
    return Kind(name, head.encode(), *streams)


def _cells(kind: Kind, base: Kind) -> list[str]:
    (p50, p99), (base50, base99) = _percentiles(kind), _percentiles(base)
    added = ["", ""] if kind is base else [f"{p50 - base50:+.2f}", f"{p99 - base99:+.2f}"]
    return [kind.name, f"{p50:.2f}", f"{p99:.2f}", *added]


def _percentiles(kind: Kind) -> tuple[float, float]:
    cuts = statistics.quantiles(kind.seconds, n=100)
    return cuts[49] * 1000, cuts[98] * 1000
