"""A Redis that goes away and comes back while clients ask, and what these were given."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.support.changes import LIMIT, PACE
from tests.support.crowd import Crowd
from tests.support.service_fleet import ServiceFleet
from tests.support.tally import Tally
from tests.support.witnesses import EACH, Witnesses

# So that buckets are in use before it, and a burst after it would be seen.
AROUND_SECONDS = 2.0

Act = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Outage:
    """What clients saw of it.

    Attributes:
        tally: of the whole time.
        shares: what each was given while Redis was away, of what its limit refills.
        freed: of those who were refused before it, and of the locked logins.
    """

    name: str
    tally: Tally
    shares: list[float]
    freed: list[str]

    @property
    def bursts_too_many(self) -> float:
        """The most that a client got beyond its limit."""
        return max(0.0, self.tally.excess) / LIMIT.burst

    @property
    def mean_share(self) -> float:
        """Of all clients."""
        return sum(self.shares) / len(self.shares)

    def __str__(self) -> str:
        """In a line."""
        return (
            f"{self.name}: {self.tally}; meanwhile {min(self.shares):.2f} to"
            f" {max(self.shares):.2f} of the limit, mean {self.mean_share:.3f};"
            f" {self.bursts_too_many:.2f} bursts too many; freed {self.freed}"
        )


async def observe(
    name: str,
    fleet: ServiceFleet,
    strike: Act,
    mend: Act,
    *,
    clients: int,
    row: int,
    seconds: float,
) -> Outage:
    """Let clients ask at three times their limit before, during and after it.

    Args:
        strike, mend: begin and end it.
        row: the third number of the clients' addresses.
        seconds: how long it lasts.
    """
    witnesses = Witnesses(fleet, first=EACH * row)
    await witnesses.fall()
    crowd = Crowd(fleet.fly.fly.proxy_url, fleet.fly.app, clients, PACE, row=row)
    end, clock = asyncio.Event(), asyncio.get_running_loop().time
    asking = asyncio.create_task(crowd.ask_until(end))
    try:
        await asyncio.sleep(AROUND_SECONDS)
        await strike()
        began, before = clock(), [one.admitted for one in crowd.clients]
        await asyncio.sleep(seconds)
        refilled = LIMIT.per_second * (clock() - began)
        shares = [
            (one.admitted - was) / refilled for one, was in zip(crowd.clients, before, strict=True)
        ]
        await mend()
        await _is_back(fleet)
        await asyncio.sleep(AROUND_SECONDS)
    finally:
        end.set()
        await asking
    return Outage(name, Tally.of(crowd, LIMIT), shares, await witnesses.freed())


async def _is_back(fleet: ServiceFleet) -> None:
    """Wait until no machine leaves Redis alone."""
    async with asyncio.timeout(40):
        while await fleet.total("flygate_limiter_breaker_open"):  # noqa: ASYNC110 - others know
            await asyncio.sleep(0.1)
