"""What clients get beyond their limit while machines come, go, die and sleep."""

from pathlib import Path
from typing import Final

from bench import page
from tests.support import changes
from tests.support.changes import LIMIT, PACE, Outcome
from tests.support.operator import operator
from tests.support.witnesses import EACH, environment

CLIENTS: Final = 60
CHANGES: Final = (
    ("2 machines become 5", changes.scale_out),
    ("5 new machines replace 5 (the engine, canary)", changes.roll_out),
    ("a machine killed with -9, restarted", changes.crash),
    ("a machine suspended as autostop does it, resumed", changes.doze),
)
HEAD: Final = ("", "seconds", "least", "most", "bursts too many", "freed", "failed / requests")


async def report(folder: Path, seconds: float) -> list[str]:
    """The table, as lines."""
    known = environment(folder, changes.PAGES, number=EACH * len(CHANGES))
    async with operator(folder, RATE_LIMIT_AFFINITY="on", **known) as one:
        await one.release(2)
        await changes.visit(one)
        await one.fleet.knows(2)
        outcomes = [
            await changes.observe(name, change, one, CLIENTS, row, seconds / 2)
            for row, (name, change) in enumerate(CHANGES)
        ]
    return lines(outcomes, CLIENTS)


def lines(outcomes: list[Outcome], clients: int) -> list[str]:
    """A table of changes that this number of clients went through."""
    return [
        f"{clients} clients at three times their limit ({LIMIT.per_second:g}/s, burst"
        f" {LIMIT.burst}). *Least, most*: admitted / (burst + rate * time), of a client. *Freed*:"
        f" of {EACH} clients who were refused for an hour, and of {EACH} locked logins.",
        "",
        page.table(HEAD, list(map(_cells, outcomes))),
    ]


def _cells(outcome: Outcome) -> list[str]:
    tally = outcome.tally
    return [
        outcome.name,
        f"{tally.requests / tally.clients / PACE:.0f}",
        f"{tally.least:.3f}",
        f"{tally.most:.3f}",
        f"{outcome.bursts_too_many:.2f}",
        str(len(outcome.freed)),
        f"{tally.failed} / {tally.requests:,}",
    ]
