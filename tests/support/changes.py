"""What happens to the machines of an app while clients ask: each by the part that does it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from tests.support.crowd import Crowd
from tests.support.operator import Operator
from tests.support.tally import Limit, Tally
from tests.support.witnesses import EACH, Witnesses

LIMIT: Final = Limit(per_second=3, burst=9)
PACE: Final = 3 * LIMIT.per_second
# The probe of the rollout's smoke check needs a limit, too.
PAGES: Final = """
[[policy]]
name = "pages"
quota = "3/s burst 9"
routes = ["GET /", "GET /_flygate/probe"]
"""
# Before: so that the buckets are in use; and after it, so that what comes later is seen.
BEFORE_SECONDS: Final = 2.5
AFTER_SECONDS: Final = 2.0

VISITORS: Final = 250

Change = Callable[[Operator], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What clients saw of a change.

    Attributes:
        freed: of those who were refused before it, and of the locked logins.
    """

    name: str
    tally: Tally
    freed: list[str]

    @property
    def bursts_too_many(self) -> float:
        """The most that a client got beyond its limit."""
        return max(0.0, self.tally.excess) / LIMIT.burst

    def __str__(self) -> str:
        """In a line."""
        return f"{self.name}: {self.tally}; {self.bursts_too_many:.2f} bursts; freed {self.freed}"


async def observe(
    name: str, change: Change, operator: Operator, clients: int, row: int, seconds: float = 0
) -> Outcome:
    """Let clients ask at three times their limit while it happens.

    Args:
        row: the third number of the clients' addresses.
        seconds: the least that they ask for.
    """
    fleet = operator.fleet
    witnesses = Witnesses(fleet, first=EACH * row)
    await witnesses.fall()
    crowd = Crowd(fleet.fly.fly.proxy_url, fleet.fly.app, clients, PACE, row=row)
    end = asyncio.Event()
    asking = asyncio.create_task(crowd.ask_until(end, seconds))
    await asyncio.sleep(BEFORE_SECONDS)
    try:
        await change(operator)
        await asyncio.sleep(AFTER_SECONDS)
    finally:
        end.set()
        await asking
    return Outcome(name, Tally.of(crowd, LIMIT), await witnesses.freed())


async def visit(operator: Operator) -> None:
    """New clients come, so that each machine serves a client."""
    fly = operator.fleet.fly
    await Crowd(fly.fly.proxy_url, fly.app, 40, PACE, row=VISITORS).ask_for(0.5)


async def scale_out(operator: Operator) -> None:
    """From two machines to five."""
    await operator.release(5)


async def roll_out(operator: Operator) -> None:
    """Five new machines take the place of the old ones."""
    await operator.release(5, GREETING="hello")


async def crash(operator: Operator) -> None:
    """A machine is killed with -9; Fly starts it again."""
    fleet, members = operator.fleet, len(operator.fleet.ids)
    victim = fleet.ids[0]
    before = (await fleet.fly.get(victim))["updated_at"]
    await fleet.fly.post(victim, "signal", json={"signal": "SIGKILL"})
    await fleet.fly.until(victim, lambda machine: machine["updated_at"] != before)
    await fleet.fly.healthy(victim)
    await visit(operator)  # those who have a machine don't come to one that is new
    await fleet.knows(members)


async def doze(operator: Operator) -> None:
    """A machine is suspended, as autostop does it; the others forget it; it is resumed."""
    fleet, members = operator.fleet, len(operator.fleet.ids)
    sleeper = fleet.ids.pop()
    await fleet.fly.post(sleeper, "suspend")
    await fleet.fly.wait(sleeper, "suspended")
    await fleet.knows(members - 1)
    await fleet.fly.post(sleeper, "start")
    await fleet.fly.healthy(sleeper)
    fleet.ids.append(sleeper)
    await fleet.knows(members)
