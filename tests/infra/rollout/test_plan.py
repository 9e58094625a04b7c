"""The plan: in which order things are done, whatever there is to begin with."""

from __future__ import annotations

from typing import TypeVar

import pytest
from hypothesis import given

from infra.rollout.gates import Healthy, Reachable, Smoke
from infra.rollout.observe import CANDIDATE, STANDBY, Seen, State
from infra.rollout.plan import Plan, Stage, is_converged
from infra.rollout.steps import Admit, Destroy, Launch, Retire, Revive, SetSecrets, Settle, Step
from infra.rollout.strategies import bluegreen
from infra.rollout.target import Target
from tests.infra.builders import manifest, seen, target
from tests.infra.strategies import states, targets

FORMER = 2
Kind = TypeVar("Kind", bound=Step)


def steps(stages: tuple[Stage, ...], kind: type[Kind]) -> list[Kind]:
    return [step for stage in stages for step in stage.steps if isinstance(step, kind)]


def all_steps(plan: Plan, kind: type[Kind]) -> list[Kind]:
    return steps((*plan.stages, *plan.final), kind)


def stage_of(plan: Plan, step: Step) -> int:
    stages = (*plan.stages, *plan.final)
    return next(number for number, stage in enumerate(stages) if step in stage.steps)


def touched(step: Step) -> Seen | None:
    return step.machine if isinstance(step, Retire | Revive | Destroy) else None


@given(state=states(), target=targets())
def test_the_former_release_is_back_before_anything_else_goes(state: State, target: Target) -> None:
    """After a rollout that died its machines may be all that serves."""
    plan = bluegreen.plan(state, target)

    revived = [stage_of(plan, step) for step in all_steps(plan, Revive)]
    destroyed = [stage_of(plan, step) for step in all_steps(plan, Destroy)]
    assert max(revived, default=-1) < min(destroyed, default=99)


@given(state=states(), target=targets())
def test_a_serving_machine_of_the_former_release_is_left_alone_until_the_end(
    state: State, target: Target
) -> None:
    """So at every moment before, the way back is to do nothing."""
    plan = bluegreen.plan(state, target)

    serving = {machine for machine in state.of(FORMER) if machine.serves}
    for stage in plan.stages:
        assert serving.isdisjoint({touched(step) for step in stage.steps})


@given(state=states(), target=targets())
def test_every_machine_of_the_former_release_serves_before_the_launch(
    state: State, target: Target
) -> None:
    """Revived are those that do not serve, and only those."""
    plan = bluegreen.plan(state, target)

    asleep = {machine.id for machine in state.of(FORMER) if not machine.serves}
    assert {step.machine.id for step in all_steps(plan, Revive)} == asleep


@given(state=states(), target=targets())
def test_each_new_machine_is_launched_admitted_and_settled_once(
    state: State, target: Target
) -> None:
    """As many as the manifest says, in each region, with names of their own."""
    plan = bluegreen.plan(state, target)

    launched = [step.slot for step in all_steps(plan, Launch)]
    assert len({slot.name for slot in launched}) == len(launched) == target.manifest.count
    assert [step.slot for step in all_steps(plan, Admit)] == launched
    assert [step.slot for step in steps(plan.final, Settle)] == launched
    for region in target.manifest.regions:
        here = [slot for slot in launched if slot.region == region]
        assert len(here) == target.manifest.machines


@given(state=states(), target=targets())
def test_a_new_machine_is_proved_before_it_gets_requests(state: State, target: Target) -> None:
    """Health, then the smoke check, then admission, then its way through the proxy."""
    plan = bluegreen.plan(state, target)

    launch = next(s for s in plan.stages if steps((s,), Launch))
    admit = next(s for s in plan.stages if steps((s,), Admit))
    assert [type(gate) for gate in launch.gates] == [Healthy, Smoke]
    assert [type(gate) for gate in admit.gates] == [Reachable]
    assert plan.stages.index(launch) < plan.stages.index(admit)


@given(state=states(), target=targets())
def test_in_the_end_only_the_former_release_is_kept_as_standby(
    state: State, target: Target
) -> None:
    """What is older, and what a dead rollout left, goes; each machine once."""
    plan = bluegreen.plan(state, target)

    destroyed = [step.machine for step in all_steps(plan, Destroy)]
    assert len(destroyed) == len(set(destroyed))
    assert set(destroyed) == {m for m in state.machines if m.release != FORMER}
    assert {step.machine for step in steps(plan.final, Retire)} == set(state.of(FORMER))


@given(state=states(), target=targets())
def test_left_over_machines_are_gone_before_their_names_are_needed(
    state: State, target: Target
) -> None:
    """A dead rollout of v3 left machines whose names the new v3 takes."""
    plan = bluegreen.plan(state, target)

    first_launch = min(stage_of(plan, step) for step in all_steps(plan, Launch))
    taken = {step.slot.name for step in all_steps(plan, Launch)}
    for step in all_steps(plan, Destroy):
        if step.machine.name in taken:
            assert stage_of(plan, step) < first_launch


@given(state=states(), target=targets())
def test_secrets_are_there_before_the_machines_that_read_them(state: State, target: Target) -> None:
    """A machine reads its secrets once, when it starts."""
    plan = bluegreen.plan(state, target)

    (secrets,) = all_steps(plan, SetSecrets)
    assert all(stage_of(plan, secrets) < stage_of(plan, step) for step in all_steps(plan, Launch))
    assert all(stage_of(plan, secrets) > stage_of(plan, step) for step in all_steps(plan, Revive))


def test_the_first_release_has_nothing_to_retire() -> None:
    """An empty app: launch, prove, admit, settle."""
    plan = bluegreen.plan(State("shop"), target(1, None))

    assert plan.lines() == ["secrets", "launch v1-iad-1", "admit v1-iad-1", "settle v1-iad-1"]


def test_the_plan_can_be_read() -> None:
    """A line for each step, in order; a standby that serves again does not belong."""
    state = State(
        "shop",
        (
            seen(1, role=STANDBY, state="stopped", cordoned=True),
            seen(2, state="stopped"),
            seen(3, role=CANDIDATE, cordoned=True),
        ),
    )

    assert bluegreen.plan(state, target(3, 2)).lines() == [
        "revive v2-iad-1",
        "destroy v3-iad-1 (left by a rollout that died)",
        "secrets",
        "launch v3-iad-1",
        "admit v3-iad-1",
        "settle v3-iad-1",
        "retire v2-iad-1",
        "destroy v1-iad-1 (older than the standby)",
    ]


def test_the_gates_are_those_of_the_manifest() -> None:
    """`rollout.wait` and `smoke.limiter` of the stack's configuration arrive at the gates."""
    gates = manifest().gates.model_copy(update={"wait": "30s", "limiter": False})
    plan = bluegreen.plan(State("shop"), target(1, None, manifest=manifest(gates=gates)))

    launch = next(stage for stage in plan.stages if stage.name == "launch")
    assert launch.gates == (Healthy(30.0), Smoke(limiter=False))


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
