"""How much of its limit each client gets, with sticky sessions and without."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from bench import page
from tests.support.crowd import Crowd
from tests.support.service_fleet import ServiceFleet, service_fleet
from tests.support.tally import Limit, Tally

# In a minute 130 units, so that a whole one is less than a hundredth.
LIMIT: Final = Limit(per_second=2, burst=10)
PACE: Final = 3 * LIMIT.per_second
CLIENTS: Final = 200
REGIONS: Final = ("iad", "iad", "lhr", "lhr", "syd")
HEAD: Final = (
    "clients",
    "least",
    "most",
    "units lost",
    "units too many",
    "failed",
    "replayed",
    "p50 / p99 ms",
)


async def report(folder: Path, seconds: float) -> list[str]:
    """The table, as lines."""
    rows = []
    async with regional_fleet(folder / "on", "on") as fleet:
        rows.append(await _row("sticky, with cookies", fleet, seconds, row=1))
        rows.append(await _row("sticky, without cookies", fleet, seconds, row=2, cookies=False))
    async with regional_fleet(folder / "off", "off") as fleet:
        rows.append(await _row("affinity off", fleet, seconds, row=3))
    async with regional_fleet(folder / "one", "off", (REGIONS[0],) * len(REGIONS)) as fleet:
        rows.append(await _row("affinity off, all in one region", fleet, seconds, row=4))
    return [
        f"{CLIENTS} clients at three times their limit ({LIMIT.per_second:g}/s, burst"
        f" {LIMIT.burst}) for {seconds:g} s, on {len(REGIONS)} machines in 3 regions, limits in"
        " memory. Fly Proxy sends a client to the closest region that has a machine. *Least,"
        " most*: admitted / (burst + rate * time), of a client. Units are whole: all that a client"
        f" can get in {seconds:g} s is {_reachable(seconds):.3f}. The time of *most* is the longest"
        " in which all can have been decided on, that of *least* the shortest.",
        "",
        page.table(HEAD, rows),
    ]


@asynccontextmanager
async def regional_fleet(
    folder: Path, affinity: str, regions: Sequence[str] = REGIONS
) -> AsyncIterator[ServiceFleet]:
    """Machines in regions; with affinity on, they know each other."""
    async with service_fleet(
        folder,
        RATE_LIMIT_AFFINITY=affinity,
        RATE_LIMIT_RPM=f"{60 * LIMIT.per_second:g}",
        RATE_LIMIT_BURST=str(LIMIT.burst),
    ) as fleet:
        for region in regions:
            await fleet.grow(1, region=region)
        await crowd(fleet, 60, row=250).ask_for(1)
        if affinity == "on":
            await fleet.knows(len(regions))
        yield fleet


def crowd(fleet: ServiceFleet, number: int, row: int, cookies: bool = True) -> Crowd:
    """Clients in all regions."""
    url, app, regions = fleet.fly.fly.proxy_url, fleet.fly.app, list(dict.fromkeys(REGIONS))
    return Crowd(url, app, number, PACE, regions=regions, row=row, keeps_cookies=cookies)


async def _row(
    name: str, fleet: ServiceFleet, seconds: float, row: int, cookies: bool = True
) -> list[str]:
    before = await ways(fleet)
    asking = crowd(fleet, CLIENTS, row, cookies)
    await asking.ask_for(seconds)
    tally, replayed = Tally.of(asking, LIMIT), (await ways(fleet) - before)["replayed"]
    return [
        name,
        f"{tally.least:.3f}",
        f"{tally.most:.3f}",
        str(tally.lost),
        f"{max(0, tally.excess):.1f}",
        str(tally.failed),
        f"{replayed / tally.requests:.1%}",
        f"{tally.p50_ms:.1f} / {tally.p99_ms:.0f}",
    ]


async def ways(fleet: ServiceFleet) -> Counter[str]:
    """How many requests all machines have served in which way."""
    found: Counter[str] = Counter()
    for machine in fleet.ids:
        for series, value in (await fleet.metrics(machine)).items():
            if series.startswith("flygate_affinity_requests_total"):
                found[series.partition('way="')[2].partition('"')[0]] += int(value)
    return found


def _reachable(seconds: float) -> float:
    """A client asks for the last time before the end, and gets whole units."""
    may = LIMIT.burst + LIMIT.per_second * (seconds - 1 / PACE)
    return int(may) / may
