"""The plan as an operator reads it before saying yes."""

from __future__ import annotations

from flygate.config import SmokeRequest
from flygate.manifest import Course, Gates
from flygate.rollout import strategies
from flygate.rollout.forecast import fingerprint, forecast
from flygate.rollout.state import STANDBY, State

from tests.infra.builders import manifest, seen, target


def test_a_canary_is_foretold_machine_by_machine() -> None:
    """What runs, each step with its gates and its soak, the way back and the time."""
    wanted = manifest(machines=2, rollout=Course(strategy="canary", steps=(1, "100%"), soak="5m"))
    state = State(
        "shop",
        (seen(1, 1), seen(1, 2, state="suspended"), seen(0, 1, role=STANDBY, state="stopped")),
    )
    aim = target(manifest=wanted)
    lines = forecast(strategies.plan(state, aim), state, aim)
    assert lines[:3] == [
        "v1 → v2 (canary): 2 machines in iad",
        "now: v1 live in iad: v1-iad-1 (m1iad1), v1-iad-2 (m1iad2, suspended)",
        "now: v0 standby in iad: v0-iad-1 (m0iad1)",
    ]
    assert "launch 1/2: v2-iad-1, then restart, health, smoke" in lines
    assert "admit 1/2: v2-iad-1, then reach, judge (5 min)" in lines
    before, _, after = "\n".join(lines).partition("from here on only forward")
    assert "launch 2/2: v2-iad-2, then health, smoke" in before
    assert "retire: v1-iad-1, v1-iad-2" in after
    assert lines[-1].startswith("about 11 min; the former machines stay on standby for 1h")


def test_the_plan_has_the_requests_of_the_stack_s_own() -> None:
    """The operator sees which requests each new machine must answer."""
    gates = Gates(requests=(SmokeRequest(path="/items/1", member="id"),))
    aim = target(manifest=manifest(gates=gates))
    lines = forecast(
        strategies.plan(State("shop", (seen(1),)), aim), State("shop", (seen(1),)), aim
    )

    assert lines.count("smoke asks: GET /items/1 → 200 with id") == 1


def test_a_manifest_without_requests_keeps_its_id() -> None:
    """Or each stack would be deployed anew for a key that it has not set."""
    assert "requests" not in Gates().model_dump(mode="json")
    kept = Gates(requests=(SmokeRequest(path="/"),)).model_dump(mode="json")
    assert Gates.model_validate(kept).requests == (SmokeRequest(path="/"),)


def test_the_first_release_has_nothing_to_compare_with() -> None:
    """No former machine, no soak."""
    wanted = manifest(rollout=Course(strategy="canary", steps=("100%",), soak="5m"))
    aim = target(1, None, manifest=wanted)
    lines = forecast(strategies.plan(State("shop"), aim), State("shop"), aim)
    assert lines[0] == "no former release → v1 (canary): 1 machine in iad"
    assert "judge" not in "\n".join(lines)


def test_the_state_moves_with_what_a_plan_stands_on() -> None:
    """A cordon, an edit, a secret or a machine more; a machine that idles is no move."""
    before = State("shop", (seen(1),), "secrets")
    assert fingerprint(before) == fingerprint(
        State("shop", (seen(1, state="suspended"),), "secrets")
    )
    for after in (
        State("shop", (seen(1, cordoned=True),), "secrets"),
        State("shop", (seen(1, instance="another"),), "secrets"),
        State("shop", (seen(1),), "others"),
        State("shop", (seen(1), seen(1, 2)), "secrets"),
    ):
        assert fingerprint(after) != fingerprint(before)
