"""Limits and locks outlive what happens to machines: they come, go, die and sleep."""

import sys
from pathlib import Path

import pytest

from tests.support import changes
from tests.support.changes import Outcome
from tests.support.operator import Operator, operator
from tests.support.witnesses import EACH, environment

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(150),
    pytest.mark.skipif(sys.platform != "linux", reason="clients need addresses of their own"),
]

CLIENTS = 30


async def test_no_change_of_machines_frees_a_client(tmp_path: Path) -> None:
    """Through the engine's own releases, a kill -9 and a suspension: see docs/affinity.md."""
    known = environment(tmp_path, changes.PAGES, number=4 * EACH)
    async with operator(tmp_path, RATE_LIMIT_AFFINITY="on", **known) as one:
        await one.release(2)
        await changes.visit(one)
        await one.fleet.knows(2)

        for row, change in enumerate((changes.scale_out, changes.roll_out)):
            outcome = await observe(one, change, row)
            assert outcome.tally.failed == 0
        outcome = await observe(one, changes.doze, row=2, moves=2)
        assert outcome.tally.failed == 0
        outcome = await observe(one, changes.crash, row=3)
        assert outcome.tally.failed <= CLIENTS  # in flight on the machine that was killed


async def observe(one: Operator, change: changes.Change, row: int, moves: int = 1) -> Outcome:
    """What clients saw of a change; no client was freed, or got a burst more for each move."""
    outcome = await changes.observe(change.__name__, change, one, CLIENTS, row)
    print(outcome)
    assert outcome.freed == []
    assert outcome.bursts_too_many < moves
    assert outcome.tally.least > 0.9
    return outcome
