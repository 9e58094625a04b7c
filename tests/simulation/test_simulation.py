"""Whole rollouts in virtual time, with all that goes wrong: see docs/simulation.md."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.simulation.clock import VirtualLoop
from tests.simulation.fault import Fault
from tests.simulation.mutations import FOUND_BY, MUTATIONS
from tests.simulation.run import run
from tests.simulation.scenario import Act, Scenario, drawn
from tests.simulation.shrink import shortest
from tests.simulation.spec import APP, Spec
from tests.simulation.world import World

pytestmark = pytest.mark.timeout(300)

# About as many as a minute of one core has room for; `make simulate` runs thousands.
SEEDS = 300
# How many seeds a test runs: they may run side by side.
SHARE = 30


@pytest.mark.parametrize("first", range(0, SEEDS, SHARE))
def test_whatever_goes_wrong_all_holds(first: int) -> None:
    """Something serves, exit codes are true, nothing is forgotten, and two commands converge."""
    for seed in range(first, first + SHARE):
        finding = run(drawn(seed))
        assert not finding.broken, f"make simulate SEED={seed} shows how: {finding.broken[0]}"


def test_a_seed_is_the_same_run_each_time() -> None:
    """In another process, too, whose sets and dictionaries are in another order."""
    seed = 4
    again = subprocess.run(
        [sys.executable, "-P", "-m", "tests.simulation", "--seed", str(seed), "--long"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONHASHSEED": "7"},
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
    scenario = FOUND_BY[name]
    assert not run(scenario).broken

    with MUTATIONS[name]():
        assert run(scenario).broken


def test_a_failing_scenario_is_made_short() -> None:
    """What does not matter for the failure is left out: acts, faults, machines."""
    first = Spec(machines=2, strategy="bluegreen")
    bad = replace(first, greeting=2, key=2, fault="unwell")
    faults = {5: Fault("503"), 14: Fault("look"), 30: Fault("429", 2.0)}
    acts = (Act("up", first), Act("forward", first), Act("up", bad, faults, waits=120.0))

    with MUTATIONS["values are not taken back"]():
        short = shortest(Scenario(0, acts))

    first, bad = replace(first, machines=1), replace(bad, machines=1, greeting=1)
    assert [str(act) for act in short.acts] == [str(Act("up", first)), str(Act("up", bad))]


def test_a_release_after_a_repair_goes_by_what_is_there_then() -> None:
    """A machine was edited and stopped: it is revived, and then compared with."""
    spec = Spec(strategy="bluegreen", soak="3s")
    edited, stopped = Act("by hand", spec, choice=4), Act("by hand", spec, choice=0)

    finding = run(Scenario(0, (Act("up", spec), edited, stopped, Act("up", spec))))

    assert finding.broken == ()
    assert finding.codes[:2] == (0, 0)


def test_that_nothing_serves_is_reported() -> None:
    """The witness sees it at the very moment, though it is over a moment later."""
    loop = VirtualLoop()
    world = World(0, loop)

    async def restarts_what_serves() -> None:
        body = {"name": "v1-iad-1", "config": {"metadata": {"flygate_role": "live"}}}
        machine = world.fly.create_machine(APP, body)
        await machine.until(lambda: machine.serves, 10)
        assert not world.broken
        machine.route(is_in=False)
        machine.route(is_in=True)

    loop.run_until_complete(restarts_what_serves())
    loop.close()

    assert world.broken == ["nothing serves"]


def test_a_dead_process_does_no_more() -> None:
    """Whatever it had begun is invisible from then on, and its lock is free at once."""
    spec = Spec()
    dies = Act("up", replace(spec, greeting=2), faults={16: Fault("crash")})

    finding = run(Scenario(0, (Act("up", spec), dies, Act("up", replace(spec, greeting=2)))))

    assert finding.broken == ()
    assert finding.codes[:3] == (0, None, 0)
    at = next(number for number, line in enumerate(finding.trace) if line.endswith("dies"))
    assert not any(" 2 up " in line for line in finding.trace[at + 2 :])


@pytest.mark.parametrize("call", [43, 47])
def test_what_a_dead_rollout_had_begun_to_retire_is_live_again(call: int) -> None:
    """It serves still, and is noted as a standby: the recorded release is put right with it."""
    spec = Spec(machines=2, strategy="bluegreen")
    new = replace(spec, greeting=2, key=2)
    dies = Act("rollback", new, faults={call: Fault("crash-after")})

    finding = run(Scenario(call, (Act("up", spec), Act("up", new), dies)))

    assert None in finding.codes
    assert finding.broken == ()
