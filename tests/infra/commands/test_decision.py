"""The one decision of a run: what it stands on, and that a preview makes the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from flygate.commands.decision import Case, Newest, decide, missing
from flygate.commands.desired_release import desired_release
from flygate.commands.orders import Orders
from flygate.commands.preview import Preview
from flygate.commands.request import ReleaseRequest
from flygate.config import Pin
from flygate.manifest import Manifest, ReleaseCommand
from flygate.record.ledger import Ledger
from flygate.rollout.desired import DesiredRelease
from flygate.rollout.state import CANDIDATE, STANDBY, Seen, State
from flygate.rollout.steps import Destroy, Launch, RunCommand
from flygate.rollout.target import Target

from tests.infra.builders import MANIFEST_ID, manifest, release, seen, target

KNOWN = Newest(1, MANIFEST_ID, 1)
OWNER = "acme/flygate/prod#0123abcd"
OTHERS = Newest(1, "another-one", 1)


def case(*machines: Seen, known: Newest = KNOWN, **changes: Any) -> Case:
    """What is wanted is the manifest of `target()`, on one machine."""
    accepted = str(changes.pop("accepted", ""))
    return Case(State("shop", machines), known, target(0, None, accepted=accepted), **changes)


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (case(seen(1)), "nothing"),
        (case(seen(1, state="stopped")), "repair"),
        (case(seen(1), is_again=True), "rollout"),
        (case(), "rollout"),
        (case(seen(1), known=OTHERS), "rollout"),
        (case(known=Newest()), "rollout"),
        (case(seen(1), accepted="well"), "nothing"),
        (case(seen(1), known=OTHERS, accepted="well"), "refusal"),
        (case(seen(1), aborts=True), "refusal"),
        (case(seen(1), seen(2, role=CANDIDATE), aborts=True), "abort"),
        (case(seen(1), known=OTHERS, goes_back=True), "rollout"),
        (case(seen(1), seen(2, role=CANDIDATE), known=OTHERS), "rollout"),
        (case(seen(1), seen(2, role=CANDIDATE), known=OTHERS, goes_back=True), "refusal"),
    ],
)
def test_each_kind(given: Case, kind: str) -> None:
    """What runs already is left, what is all there is repaired, all else is a release."""
    assert decide(given).kind == kind


@pytest.mark.parametrize(
    ("held", "on"),
    [("", "pulumi up --stack prod"), ("judge: too few", "flygate proceed prod --reason")],
)
@pytest.mark.parametrize("wanted", ["another-one", MANIFEST_ID])
def test_a_way_back_takes_nothing_back_beside_what_is_not_finished(
    held: str, on: str, wanted: str
) -> None:
    """Also where it leads to the very manifest that stands there, of an earlier release."""
    left = seen(2, role=CANDIDATE, manifest=wanted, held=held)
    given = case(seen(1), left, known=OTHERS, goes_back=True)

    refused = decide(replace(given, target=replace(given.target, owner=OWNER))).refusal

    assert refused is not None
    assert refused.exit_code == 3
    reported = str(refused)
    assert f"v2 is {'held' if held else 'not finished'}: its machines stand beside v1" in reported
    assert "`flygate abort prod` takes v2 back" in reported
    assert on in reported
    assert ("proceed" in reported) is bool(held)


def test_a_way_back_that_died_goes_on_when_it_is_typed_again() -> None:
    """Its own machines stand there."""
    left = seen(2, role=CANDIDATE, manifest=MANIFEST_ID, is_back=True)

    assert decide(case(seen(1), left, known=OTHERS, goes_back=True)).kind == "rollout"


def test_what_serves_in_the_former_release_s_place_goes_last() -> None:
    """The former release is down, and a dead rollout's machine is all that serves."""
    stand_in = seen(2, role=CANDIDATE, manifest="dead")
    found = decide(case(seen(1, state="stopped"), stand_in, known=OTHERS))

    assert found.target.version == 3
    plan = found.plan
    assert not [s for stage in plan.stages for s in stage.steps if isinstance(s, Destroy)]
    assert [s for stage in plan.stages for s in stage.steps if isinstance(s, Launch)]
    last = [s for stage in plan.final for s in stage.steps if isinstance(s, Destroy)]
    assert [step.machine for step in last] == [stand_in]


def test_what_no_one_needs_goes_first() -> None:
    """The former release serves, so what a dead rollout left is swept up at once."""
    left = seen(2, role=CANDIDATE, manifest="dead")
    found = decide(case(seen(1), left, known=OTHERS))

    assert found.target.version == 2
    first = [s for stage in found.plan.stages for s in stage.steps]
    assert [s.machine for s in first if isinstance(s, Destroy)] == [left]


def test_what_serves_unrecorded_gets_an_entry_unless_it_is_gone_on_with() -> None:
    """By the same rule for the run and for the plan."""
    state = State("shop", (seen(2, count=1, manifest=MANIFEST_ID),))

    assert missing(OTHERS, state, "wanted") == 2
    assert missing(OTHERS, state, MANIFEST_ID) == 0
    assert missing(OTHERS, state, MANIFEST_ID, resumes=False) == 2
    assert missing(Newest(), state, MANIFEST_ID) == 2


def foresight(wanted: Manifest, state: State, **changes: Any) -> Preview:
    grown = Ledger(key="k" * 32).add(release(1, manifest=manifest(), manifest_id="one"), {})
    return Preview(ReleaseRequest(app="shop", content=wanted), {}, grown, state, **changes)


def test_a_plan_goes_on_with_what_is_held() -> None:
    """It knows the machine by the id that the run would give the manifest."""
    wanted = manifest(phase=2)
    ahead = foresight(wanted, State("shop"))
    known = desired_release(ahead.request, {}, ahead.ledger).id
    held = seen(2, role=CANDIDATE, manifest=known, held="judge: too few")
    ahead = foresight(wanted, State("shop", (seen(1), held)))

    reported = ahead.lines(is_drifted=True, redis=(0.0, 0.0))

    assert "~ phase: 1 → 2" in reported
    assert any("adopt v2-iad-1" in line for line in reported)
    assert not any("destroy" in line for line in reported)


@pytest.mark.parametrize(("cordoned", "title"), [(True, "adopt"), (False, "destroy")])
def test_a_machine_that_was_just_made_is_gone_on_with(cordoned: bool, title: str) -> None:
    """Its checks may not pass yet, and soon will; one that got requests should be well."""
    wanted = manifest(phase=2)
    known = foresight(wanted, State("shop")).desired.id
    made = seen(2, role=CANDIDATE, manifest=known, cordoned=cordoned, healthy=False)

    reported = foresight(wanted, State("shop", (seen(1), made))).decide().plan.lines()

    assert any(line.startswith(f"{title} v2-iad-1") for line in reported)


def test_a_plan_stands_on_what_serves_though_it_is_not_recorded() -> None:
    """The run records it first, so it is the former release, and nothing that a dead run left."""
    retired = seen(1, role=STANDBY, state="stopped", cordoned=True)
    state = State("shop", (retired, seen(2, count=1)))

    aimed = foresight(manifest(phase=2), state).decide().target

    assert (aimed.former, aimed.version) == (2, 3)


def test_a_plan_shows_a_repair_and_a_refusal() -> None:
    """Drift without any change, and an acceptance of what is not held."""
    stopped = State("shop", (seen(1, state="stopped", manifest="one"),))
    ahead = foresight(manifest(), stopped)
    ledger = ahead.ledger.model_copy(
        update={"releases": (release(1, manifest=manifest(), manifest_id=ahead.desired.id),)}
    )
    reported = Preview(ahead.request, {}, ledger, stopped).lines(is_drifted=True, redis=(0.0, 0.0))
    assert reported[0].startswith("v1: its machines are put right, and no release is made")
    assert "repair: v1-iad-1" in " ".join(reported).replace("revive ", "")

    accepting = foresight(manifest(phase=2), stopped, orders=Orders(accept="fine"))
    assert accepting.decide().lines(stopped)[0].startswith("refused: No rollout of shop is held")


MIGRATES = manifest(release_command=ReleaseCommand(config={"init": {"cmd": ["./migrate"]}}))
PIN = Pin(version="v1", manifest=MANIFEST_ID)


@pytest.mark.parametrize(
    ("desired", "runs", "says"),
    [
        (DesiredRelease(MIGRATES), True, "unless it exits with 0 nothing else happens"),
        (DesiredRelease(MIGRATES, pin=PIN), False, "is not run, as this is a way back"),
        (
            DesiredRelease(MIGRATES, pin=PIN.model_copy(update={"release_command": True})),
            True,
            "and what the release command takes",
        ),
        (DesiredRelease(MIGRATES, id=KNOWN.manifest), False, "has run for this release"),
        (DesiredRelease(manifest()), False, ""),
    ],
)
def test_a_release_command_runs_for_what_is_new(
    desired: DesiredRelease, runs: bool, says: str
) -> None:
    """Not on a way back unasked, nor for what runs already and is made again; the plan says it."""
    state = State("shop", (seen(1),))
    made = decide(Case(state, KNOWN, Target(0, desired), is_again=True))

    steps = [step for stage in made.plan.stages for step in stage.steps]
    assert any(isinstance(step, RunCommand) for step in steps) == runs
    text = "\n".join(made.lines(state))
    assert says in text
    assert ("release command" in text) == bool(says)
