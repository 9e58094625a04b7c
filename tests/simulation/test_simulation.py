"""Whole rollouts in virtual time, with all that goes wrong: see docs/simulation.md."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.mutations import FOUND_BY, MUTATIONS
from tests.simulation.run import run
from tests.simulation.scenario import drawn
from tests.simulation.shrink import shortest

pytestmark = pytest.mark.timeout(300)

# About as many as half a minute of one core has room for; `make simulate` runs thousands.
SEEDS = 150
# So many a test: they may run side by side.
SHARE = 30


@pytest.mark.parametrize("first", range(0, SEEDS, SHARE))
def test_whatever_goes_wrong_all_holds(first: int) -> None:
    """Somebody serves, exit codes are true, nothing is forgotten, and two commands converge."""
    for seed in range(first, first + SHARE):
        finding = run(drawn(seed))
        assert not finding.broken, f"make simulate SEED={seed} tells how: {finding.broken[0]}"


def test_a_seed_is_the_same_run_each_time() -> None:
    """In another process, too, whose sets and dictionaries are in another order."""
    seed = 4
    again = subprocess.run(
        [sys.executable, "-P", "-m", "tests.simulation", "--seed", str(seed), "--long"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=True,
    )

    trace = run(drawn(seed)).trace

    assert "\n".join(trace) in again.stdout
    assert len(trace) > 100


@pytest.mark.parametrize("name", FOUND_BY)
def test_a_mend_that_is_taken_out_is_missed(name: str) -> None:
    """A simulation that finds nothing proves nothing."""
    scenario = drawn(FOUND_BY[name])
    assert not run(scenario).broken

    with MUTATIONS[name]():
        assert run(scenario).broken


def test_a_failing_scenario_is_made_short() -> None:
    """What does not matter for the failure is left out: acts, faults, machines."""
    name = "values are not taken back"
    scenario = drawn(FOUND_BY[name])

    with MUTATIONS[name]():
        short = shortest(scenario)
        assert run(short).kind == run(scenario).kind

    assert len(short.acts) <= 2
    assert sum(len(act.faults) for act in short.acts) <= 1
