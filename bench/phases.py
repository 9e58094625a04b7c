"""`make bench-phases`: what clients get while a phase is changed, and while Redis is away.

Everything on a local Fly and a real Redis server, on loopback. ARGS="--only changes|outage"
measures a part.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from bench import affinity_changes, page, parts
from tests.support import changes, redis_outage
from tests.support.changes import LIMIT, PAGES
from tests.support.operator import operator
from tests.support.phase_changes import PhaseChanges
from tests.support.redis_outage import Outage
from tests.support.service_fleet import service_fleet
from tests.support.valkey import Valkey
from tests.support.witnesses import EACH, environment

CLIENTS: Final = 60
MACHINES: Final = (1, 3, 6)
WAY: Final = ((1, 2), (2, 3), (3, 2))
FLEET: Final = 4
HEAD: Final = (
    *("Redis is", "meanwhile, least to most", "mean", "in all, most", "bursts too many"),
    *("freed", "failed / requests"),
)


async def report_changes(folder: Path, seconds: float) -> list[str]:
    """The table of the changes of phase, as lines."""
    known = environment(folder, PAGES, number=EACH * len(WAY))
    outcomes = []
    async with _redis(folder) as redis, operator(folder, **known) as one:
        phases = PhaseChanges(redis.url, MACHINES)
        await phases.to(1)(one)
        for row, (before, after) in enumerate(WAY):
            name = f"{before} → {after} ({_machines(before)} → {_machines(after)})"
            change = phases.to(after)
            outcomes.append(await changes.observe(name, change, one, CLIENTS, row, seconds))
    return affinity_changes.lines(outcomes, CLIENTS)


async def report_outage(folder: Path, seconds: float) -> list[str]:
    """The table of a Redis that is away, as lines."""
    known = environment(folder, PAGES, number=2 * EACH)
    outages = []
    async with _redis(folder) as redis:
        shared = {"RATE_LIMIT_STORAGE": "redis", "REDIS_URL": redis.url}
        async with service_fleet(folder / "fly", **known, **shared) as fleet:
            await fleet.grow(FLEET)
            acts = {
                "killed, and restarted empty": (redis.kill, redis.start),
                "hanging (SIGSTOP)": (_at_once(redis.pause), _at_once(redis.resume)),
            }
            for row, (name, (strike, mend)) in enumerate(acts.items()):
                outages.append(
                    await redis_outage.observe(
                        name, fleet, strike, mend, clients=CLIENTS, row=row, seconds=seconds
                    )
                )
    return [
        f"{CLIENTS} clients at three times their limit ({LIMIT.per_second:g}/s, burst"
        f" {LIMIT.burst}), {FLEET} machines without affinity, Redis away for {seconds:g} s."
        " *Meanwhile*: admitted / (rate * time), of a client. *In all*: admitted / (burst + rate *"
        f" time), from before it went until after it was back. *Freed*: of"
        f" {EACH} clients who were refused for an hour, and of {EACH} locked logins.",
        "",
        page.table(HEAD, list(map(_cells, outages))),
    ]


PARTS: dict[str, parts.Measure] = {"changes": report_changes, "outage": report_outage}


@asynccontextmanager
async def _redis(folder: Path) -> AsyncIterator[Valkey]:
    home = folder / "redis"
    home.mkdir()
    server = Valkey(home)
    await server.start()
    try:
        yield server
    finally:
        server.resume()
        await server.kill()


def _at_once(act: Callable[[], None]) -> redis_outage.Act:
    async def acted() -> None:
        act()
        await asyncio.sleep(0)

    return acted


def _machines(phase: int) -> str:
    number = MACHINES[phase - 1]
    return f"{number} machine{'s' if number > 1 else ''}"


def _cells(outage: Outage) -> list[str]:
    tally = outage.tally
    return [
        outage.name,
        f"{min(outage.shares):.3f} to {max(outage.shares):.3f}",
        f"{outage.mean_share:.3f}",
        f"{tally.most:.3f}",
        f"{outage.bursts_too_many:.2f}",
        str(len(outage.freed)),
        f"{tally.failed} / {tally.requests:,}",
    ]


if __name__ == "__main__":
    parts.run("phases", PARTS, __doc__, (30, "how long each part asks, or is"))
