"""The plan: in which order things are done, whatever there is to begin with."""

from __future__ import annotations

from collections import Counter
from typing import Any, TypeVar

import pytest
from flygate.manifest import Course, Gates
from flygate.rollout import strategies
from flygate.rollout.gates.health import Healthy
from flygate.rollout.gates.reach import Reachable
from flygate.rollout.gates.restart import Restarts
from flygate.rollout.gates.smoke import Smoke
from flygate.rollout.plan import Plan, Stage, is_converged, is_settled
from flygate.rollout.state import CANDIDATE, LIVE, STANDBY, Seen, State
from flygate.rollout.steps import (
    Admit,
    Adopt,
    Destroy,
    Launch,
    Part,
    Retire,
    Revive,
    SetSecrets,
    Settle,
    Shift,
    Step,
    Wake,
)
from flygate.rollout.strategies import STRATEGIES
from flygate.rollout.target import Target
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.infra.builders import MANIFEST_ID, manifest, seen, target
from tests.infra.simulation import Simulation
from tests.infra.strategies import NOW, states, targets

FORMER, NEW = 2, 3
Kind = TypeVar("Kind", bound=Step)


def steps(stages: tuple[Stage, ...], kind: type[Kind]) -> list[Kind]:
    return [step for stage in stages for step in stage.steps if isinstance(step, kind)]


def all_steps(plan: Plan, kind: type[Kind]) -> list[Kind]:
    return steps((*plan.stages, *plan.final), kind)


def fleet(names: list[str]) -> Counter[str]:
    """How many machines there are in each region, by their names."""
    return Counter(name.split("-")[1] for name in names)


@given(state=states(), target=targets())
def test_in_the_end_the_new_release_serves_alone_and_whole(state: State, target: Target) -> None:
    """Whatever there was to begin with: what it takes is done, in an order in which it can be."""
    simulation = Simulation(state, target)

    simulation.run(strategies.plan(state, target))

    assert is_converged(simulation.state, NEW, target.manifest.count)
    regions = Counter(m.region for m in simulation.state.of(NEW))
    assert regions == dict.fromkeys(target.manifest.regions, target.manifest.machines)


@given(state=states(), target=targets())
def test_the_former_release_is_kept_asleep(state: State, target: Target) -> None:
    """All of its machines: the way back is to start them."""
    simulation = Simulation(state, target)

    simulation.run(strategies.plan(state, target))

    kept = simulation.state.of(FORMER)
    assert {m.name for m in kept} == {m.name for m in state.of(FORMER)}
    assert all((m.role, m.serves) == (STANDBY, False) for m in kept)


@given(state=states(), target=targets())
def test_something_serves_at_every_moment(state: State, target: Target) -> None:
    """Where the former release served, it does so until the new one does, stage by stage."""
    simulation = Simulation(state, target)
    plan = strategies.plan(state, target)
    served = {m.region for m in state.of(FORMER) if m.serves}

    for stage in (*plan.stages, *plan.final):
        simulation.apply(stage.steps)
        serving = simulation.serving(FORMER) | simulation.serving(NEW)
        serving |= {m.name for m in simulation.state.machines if m.serves}
        assert served & {*target.manifest.regions} <= {*fleet(list(serving))}


@given(state=states(), target=targets(), data=st.data())
def test_the_way_back_from_any_stage_restores_the_former_release(
    state: State, target: Target, data: st.DataObject
) -> None:
    """What served serves, with its own secrets; of the new release nothing is left."""
    assume(not is_settled(state, target))
    simulation = Simulation(state, target)
    plan = strategies.plan(state, target)
    until = data.draw(st.integers(0, len(plan.stages)))
    done = [step for stage in plan.stages[:until] for step in stage.steps]
    simulation.apply(done)

    simulation.undo(done)

    before = {m.name for m in state.of(FORMER) if m.serves}
    assert before <= simulation.serving(FORMER)
    assert simulation.secrets == "former" or not steps(plan.stages[:until], SetSecrets)
    for name in simulation.serving(FORMER):
        assert simulation.started_with.get(name, "former") == "former"
    new = [step.slot.name for step in steps(plan.stages[:until], Launch)]
    assert not {*new} & {*simulation.machines}
    woken = [step.machine.name for step in steps(plan.stages[:until], Wake)]
    assert not any(simulation.machines[name].serves for name in woken)


@given(state=states(), target=targets())
def test_an_old_machine_retires_late(state: State, target: Target) -> None:
    """Only rolling stops any before the point of no return, and never a region's last one."""
    plan = strategies.plan(state, target)

    early = [step.machine for step in steps(plan.stages, Retire)]
    if plan.way != "rolling":
        assert early == []
    for region in target.manifest.regions:
        old = [m for m in state.of(FORMER) if m.region == region]
        assert not old or any(m not in early for m in old)


@given(state=states(), target=targets())
def test_each_machine_has_one_fate(state: State, target: Target) -> None:
    """None is destroyed that serves on, and none twice."""
    plan = strategies.plan(state, target)

    every = [step for stage in (*plan.stages, *plan.final) for step in stage.steps]
    fates = Counter(s.machine.id for s in every if isinstance(s, Adopt | Wake | Destroy | Retire))
    assert set(fates.values()) <= {1}
    names = [step.name for step in all_steps(plan, Settle)]
    assert len(names) == len(set(names))


@given(state=states(), target=targets())
def test_a_new_machine_is_proved_before_it_gets_requests(state: State, target: Target) -> None:
    """Health, then the smoke check, then admission, then its way through the proxy."""
    plan = strategies.plan(state, target)

    proved: set[str] = set()
    for stage in plan.stages:
        admitted = {step.name for step in steps((stage,), Admit)}
        assert admitted <= proved
        if admitted and plan.way != "all at once":
            assert isinstance(stage.gates[0], Reachable)
            assert set(stage.judged) == admitted
        if steps((stage,), Shift):
            assert set(stage.judged) <= proved
        elif stage.gates and not admitted:
            least = [Healthy] if plan.way == "all at once" else [Healthy, Smoke]
            tried = [gate for gate in stage.gates if isinstance(gate, Restarts)]
            assert not tried or (stage.gates[0] in tried and not proved)
            assert [type(gate) for gate in stage.gates][len(tried) :] == least
            proved |= set(stage.judged)


@given(state=states(), target=targets())
def test_secrets_are_there_before_the_machines_that_read_them(state: State, target: Target) -> None:
    """A machine reads its secrets once, when it starts."""
    simulation = Simulation(state, target)
    plan = strategies.plan(state, target)
    simulation.run(plan)

    for step in all_steps(plan, Launch):
        assert simulation.started_with[step.slot.name] == "new"
    for woken in all_steps(plan, Wake):
        assert simulation.started_with.get(woken.machine.name, "new") == "new"
    for revived in all_steps(plan, Revive):
        assert simulation.started_with.get(revived.machine.name, "former") == "former"
    assert len(all_steps(plan, SetSecrets)) == (0 if is_settled(state, target) else 1)


def canary(machines: int, *course: int | str, regions: tuple[str, ...] = ("iad",)) -> Plan:
    """A canary of v3 over a v2 of as many machines, with these steps."""
    wanted = manifest(
        machines=machines, regions=regions, rollout=Course(strategy="canary", steps=course)
    )
    return strategies.plan(State("shop", (seen(2),)), target(3, 2, manifest=wanted))


@pytest.mark.parametrize(
    ("machines", "course", "sizes"),
    [
        (1, (1, "25%", "50%", "100%"), [1]),
        (4, (1, "25%", "50%", "100%"), [1, 1, 2]),
        (10, (1, "25%", "50%", "100%"), [1, 2, 2, 5]),
        (3, ("50%", "100%"), [2, 1]),
        (2, (5, "100%"), [2]),
        (5, ("100%",), [5]),
    ],
)
def test_steps_are_machines_or_shares_rounded_up(
    machines: int, course: tuple[int | str, ...], sizes: list[int]
) -> None:
    """A step that adds no machine is left out."""
    plan = canary(machines, *course)

    launches = [stage for stage in plan.stages if stage.name.startswith("launch")]
    assert [len(stage.steps) for stage in launches] == sizes


def test_steps_are_taken_in_all_regions_at_once() -> None:
    """One in each, then the others; the machine remembers its step."""
    plan = canary(3, 1, "100%", regions=("iad", "fra"))

    slots = [[step.slot for step in steps((stage,), Launch)] for stage in plan.stages]
    named = [[slot.name for slot in stage] for stage in slots if stage]
    assert named == [
        ["v3-iad-1", "v3-fra-1"],
        ["v3-iad-2", "v3-iad-3", "v3-fra-2", "v3-fra-3"],
    ]
    assert [{slot.step for slot in stage} for stage in slots if stage] == [{1}, {2}]


def by_clients(*made: Seen, former: int = 2, **changes: Any) -> Plan:
    """A canary by clients of v3, two machines, over as many of v2."""
    course = Course(strategy="canary", by="clients", steps=("1%", "10%", "100%"), soak="1m")
    wanted = target(3, 2, manifest=manifest(machines=2, rollout=course), **changes)
    old = [seen(2, number + 1) for number in range(former)]
    return strategies.plan(State("shop", (*old, *made)), wanted)


def test_clients_move_when_all_new_machines_are_there() -> None:
    """They are parted before a request can reach a new machine; each share is watched."""
    plan = by_clients()

    shifts = ["shift 1/3", "shift 2/3", "shift 3/3"]
    names = [stage.name for stage in plan.stages if stage.steps]
    assert names == ["secrets", "record", "launch", "part", "admit", *shifts]
    assert [step.percent for step in all_steps(plan, Shift)] == [1, 10, 100]
    gates = [[gate.name for gate in stage.gates] for stage in plan.stages[-3:]]
    # With all clients at the new machines there is nothing to compare them with.
    assert gates == [["health", "judge"], ["health", "judge"], ["health"]]
    moves: list[Part | Shift] = [*all_steps(plan, Part), *all_steps(plan, Shift)]
    for step in moves:
        assert step.names == ("v3-iad-1", "v3-iad-2")
        assert [member.id for member in step.former] == ["m2iad1", "m2iad2"]


def test_clients_that_an_earlier_run_moved_stay_where_they_are() -> None:
    """It goes on from the share that the machines note, and judges that again."""
    plan = by_clients(left(1, share=10), left(2, share=10))

    assert [step.percent for step in all_steps(plan, Part)] == [10]
    assert [step.percent for step in all_steps(plan, Shift)] == [10, 100]
    accepted = by_clients(left(1, share=10), left(2, share=10), accepted="it is well")
    shifts = [stage for stage in accepted.stages if stage.name.startswith("shift")]
    assert [len(stage.gates) for stage in shifts] == [1, 1]
    assert not all_steps(plan, Launch)


def test_the_first_release_has_no_clients_to_move() -> None:
    """It comes at once."""
    assert all_steps(by_clients(former=0), Shift) == []
    assert len(all_steps(by_clients(former=0), Launch)) == 2


def resumed(*machines: Seen, machines_wanted: int = 4) -> Plan:
    """A canary whose first run left these machines."""
    course = Course(strategy="canary", steps=(1, "50%", "100%"))
    wanted = manifest(machines=machines_wanted, rollout=course)
    return strategies.plan(State("shop", (seen(2), *machines)), target(3, 2, manifest=wanted))


def left(number: int, **changes: object) -> Seen:
    """A machine that an earlier run of the same manifest has made and admitted."""
    return seen(3, number, role=CANDIDATE, manifest=MANIFEST_ID, **changes)


def test_what_an_earlier_run_made_well_is_gone_on_with() -> None:
    """It is not made twice; the others are."""
    plan = resumed(left(1), left(2))

    assert [step.machine.name for step in all_steps(plan, Adopt)] == ["v3-iad-1", "v3-iad-2"]
    assert [step.slot.name for step in all_steps(plan, Launch)] == ["v3-iad-3", "v3-iad-4"]
    assert all_steps(plan, Destroy) == []


@pytest.mark.parametrize(
    "changes", [{"healthy": False}, {"state": "stopped"}, {"manifest": "another"}]
)
def test_what_an_earlier_run_made_badly_goes(changes: dict[str, object]) -> None:
    """And its place is filled anew."""
    machine = seen(3, 1, role=CANDIDATE, **{"manifest": MANIFEST_ID, **changes})
    plan = resumed(machine)

    assert [step.machine for step in all_steps(plan, Destroy)] == [machine]
    assert "v3-iad-1" in [step.slot.name for step in all_steps(plan, Launch)]


def test_a_run_that_died_past_its_point_of_no_return_is_finished() -> None:
    """Its machines are live: nothing is made, the former ones go."""
    new = [seen(3, n, role=LIVE, manifest=MANIFEST_ID) for n in (1, 2)]
    plan = resumed(*new, machines_wanted=2)

    assert plan.stages == ()
    assert plan.lines() == [
        "record",
        "adopt v3-iad-1",
        "adopt v3-iad-2",
        "settle v3-iad-1",
        "settle v3-iad-2",
        "retire v2-iad-1",
    ]


def test_of_a_run_that_died_only_what_stands_is_kept() -> None:
    """A machine too many, or one that is not well, goes with the former ones."""
    new = [seen(3, n, role=LIVE, manifest=MANIFEST_ID) for n in (1, 2)]
    sick = seen(3, 3, role=LIVE, manifest=MANIFEST_ID, healthy=False)
    plan = resumed(sick, *new, machines_wanted=2)

    assert [step.machine for step in all_steps(plan, Adopt)] == new
    assert [step.machine for step in all_steps(plan, Destroy)] == [sick]


def standby(release: int, number: int = 1, **changes: object) -> Seen:
    """A machine that retired a minute ago."""
    values: dict[str, object] = {
        "role": STANDBY,
        "state": "stopped",
        "cordoned": True,
        "retired_at": NOW - 60,
        "manifest": MANIFEST_ID,
    }
    return seen(release, number, **{**values, **changes})


def rollback(*machines: Seen, **changes: object) -> Plan:
    """A rollback of v2 to the manifest of v1, as v3."""
    wanted = target(3, 2, at=float(NOW), is_rollback=True, **changes)
    return strategies.plan(State("shop", (seen(2), *machines)), wanted)


def test_a_rollback_starts_the_standby() -> None:
    """Nothing is made, and the running release goes only when it serves."""
    assert rollback(standby(1)).lines() == [
        "secrets",
        "record",
        "wake v1-iad-1",
        "admit v1-iad-1",
        "settle v1-iad-1",
        "retire v2-iad-1",
    ]


def test_a_standby_that_is_started_again_is_not_swept_away() -> None:
    """Its time was over, but it was not removed yet."""
    late = standby(1, retired_at=NOW - 9999)

    assert all_steps(rollback(late), Destroy) == []
    assert [step.machine for step in all_steps(rollback(late), Wake)] == [late]


def test_of_several_standbys_the_newest_starts() -> None:
    """The manifest ran twice: what was stopped last is the likeliest to be well."""
    plan = strategies.plan(
        State("shop", (standby(1), standby(2), seen(3))),
        target(4, 3, at=float(NOW), is_rollback=True),
    )

    assert [step.machine.name for step in all_steps(plan, Wake)] == ["v2-iad-1"]


def test_the_running_release_is_no_standby_of_its_own() -> None:
    """Its machines were stopped by hand; they are what a rollback leaves behind."""
    asleep = standby(2, 2)

    assert all_steps(rollback(asleep), Wake) == []


def test_a_former_machine_that_starts_again_gets_its_own_secrets() -> None:
    """Rolling has stopped one when a gate fails: first the former values, then the start."""
    course = Course(strategy="rolling", steps=(1, "100%"))
    goal = target(3, 2, manifest=manifest(machines=2, rollout=course))
    state = State("shop", (seen(2, 1), seen(2, 2)))
    plan = strategies.plan(state, goal)
    done = [step for stage in plan.stages for step in stage.steps]
    simulation = Simulation(state, goal)
    simulation.apply(done)
    assert len(simulation.serving(FORMER)) == 1

    simulation.undo(done)

    assert simulation.started_with["v2-iad-1"] == "former"


@pytest.mark.parametrize(
    "machines", [(), (standby(1, manifest="another"),), (standby(1, state="failed"),)]
)
def test_without_its_standby_a_rollback_makes_machines(machines: tuple[Seen, ...]) -> None:
    """By the manifest's strategy, or with `--fast` all at once."""
    assert all_steps(rollback(*machines), Wake) == []
    assert rollback(*machines).way == "blue/green"
    assert rollback(*machines, is_fast=True).way == "all at once"


def test_a_deployment_of_what_ran_before_takes_the_normal_way() -> None:
    """Who did not ask for a rollback gets the gates of a release."""
    plan = strategies.plan(State("shop", (seen(2), standby(1))), target(3, 2, at=float(NOW)))

    assert all_steps(plan, Wake) == []


@pytest.mark.parametrize(("age", "goes"), [(3599, False), (3601, True)])
def test_a_standby_goes_when_its_time_is_over(age: int, goes: bool) -> None:
    """`rollout.standby` of the manifest, an hour by default."""
    old = standby(1, retired_at=NOW - age)
    plan = strategies.plan(State("shop", (seen(2), old)), target(3, 2, at=float(NOW)))

    assert ([step.machine for step in all_steps(plan, Destroy)] == [old]) is goes


def test_not_more_than_three_releases_are_kept() -> None:
    """However fast they follow each other: the newest ones."""
    older = [standby(release) for release in (1, 2, 3, 4)]
    plan = strategies.plan(State("shop", (*older, seen(5))), target(6, 5, at=float(NOW)))

    assert [step.machine.release for step in all_steps(plan, Destroy)] == [1, 2]


def test_a_standby_that_was_woken_goes_back_to_rest() -> None:
    """Two releases would answer."""
    woken = standby(1, state="started", cordoned=False)
    plan = strategies.plan(State("shop", (seen(2), woken)), target(3, 2, at=float(NOW)))

    assert woken in [step.machine for step in all_steps(plan, Retire)]


def test_the_first_release_has_nothing_to_retire() -> None:
    """An empty app: launch, prove, admit, settle."""
    plan = strategies.plan(State("shop"), target(1, None))

    assert plan.lines() == [
        "secrets",
        "record",
        "launch v1-iad-1",
        "admit v1-iad-1",
        "settle v1-iad-1",
    ]


def test_the_plan_can_be_read() -> None:
    """A line for each step, in order."""
    state = State(
        "shop",
        (
            standby(1, retired_at=0),
            seen(2, state="stopped"),
            seen(3, role=CANDIDATE, cordoned=True),
        ),
    )

    assert strategies.plan(state, target(3, 2, at=float(NOW))).lines() == [
        "former secrets",
        "revive v2-iad-1",
        "destroy v3-iad-1 (left by a rollout that died)",
        "secrets",
        "record",
        "launch v3-iad-1",
        "admit v3-iad-1",
        "settle v3-iad-1",
        "retire v2-iad-1",
        "destroy v1-iad-1 (older than the standby)",
    ]


def test_the_gates_are_those_of_the_manifest() -> None:
    """`rollout.wait` and `smoke.limiter` of the stack's configuration arrive at the gates."""
    gates = manifest().gates.model_copy(update={"wait": "30s", "limiter": False})
    plan = strategies.plan(State("shop"), target(1, None, manifest=manifest(gates=gates)))

    launch = next(stage for stage in plan.stages if stage.name == "launch")
    assert launch.gates == (Restarts(30.0), Healthy(30.0), Smoke(limiter=False))


@pytest.mark.parametrize(
    ("course", "changes"),
    [
        *((Course(strategy=strategy), {}) for strategy in STRATEGIES),
        (Course(strategy="canary", by="clients", steps=("10%", "100%")), {}),
        (Course(), {"is_fast": True}),
        (Course(), {"is_rollback": True}),
    ],
    ids=[*STRATEGIES, "by clients", "fast", "from standby"],
)
def test_each_new_machine_must_stay_up(course: Course, changes: dict[str, Any]) -> None:
    """`rollout.uptime` is asked of each before it gets requests, whatever the way is."""
    gates = Gates(uptime="7s")
    wanted = target(manifest=manifest(gates=gates, rollout=course), **changes)
    rests = seen(0, role=STANDBY, state="stopped", cordoned=True, manifest=MANIFEST_ID)
    plan = strategies.plan(State("shop", (seen(1), rests)), wanted)

    made = [stage for stage in plan.stages if stage.name.startswith(("launch", "wake"))]
    assert made
    for stage in made:
        (healthy,) = [gate for gate in stage.gates if isinstance(gate, Healthy)]
        assert (healthy.uptime_seconds, healthy.seconds) == (7.0, 7.0)
        assert set(stage.judged) == {step.title.split()[-1] for step in stage.steps}


@pytest.mark.parametrize(
    ("machines", "converged"),
    [
        ((seen(2, 1), seen(2, 2)), True),
        ((seen(2, 1), seen(2, 2, state="suspended")), True),
        ((seen(2, 1), seen(2, 2), seen(1, role=STANDBY, state="stopped", cordoned=True)), True),
        ((seen(2, 1),), False),
        ((), False),
        ((seen(2, 1), seen(2, 2), seen(2, 3)), False),
        ((seen(2, 1), seen(2, 2, state="stopped")), False),
        ((seen(2, 1), seen(2, 2, cordoned=True)), False),
        ((seen(2, 1), seen(2, 2, healthy=False)), False),
        ((seen(2, 1), seen(2, 2), seen(1)), False),
        ((seen(2, 1), seen(2, 2), seen(3, role=CANDIDATE)), False),
    ],
)
def test_converged_means_this_release_serves_alone_and_whole(
    machines: tuple[Seen, ...], converged: bool
) -> None:
    """A standby that does not serve is no difference; anything else is."""
    assert is_converged(State("shop", machines), release=2, count=2) is converged
