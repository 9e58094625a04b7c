"""Whose clients move, and who is compared: machines of the leading group of each release."""

from __future__ import annotations

from typing import Any

import pytest
from flygate.commands.decision import Case, Decision, Newest, decide
from flygate.manifest import Course, Group
from flygate.rollout.plan import serving_former
from flygate.rollout.state import CANDIDATE, Seen, State
from flygate.rollout.steps import Part, Step
from flygate.rollout.target import Target

from tests.infra.builders import manifest, seen, target

WORKER = Group(name="worker", config={}, regions=("iad",), machines=1)


def aim(leading: str = "web", **changes: Any) -> Target:
    """v2, whose leading group is `leading`, beside a worker, by shares of the clients."""
    course = Course(strategy="canary", by="clients", steps=("1%", "100%"), soak="0s")
    config = {"env": {"FLY_PROCESS_GROUP": leading}}
    wanted = manifest(config=config, others=(WORKER,), rollout=course)
    return target(manifest=wanted, **changes)


def decided(aimed: Target, *machines: Seen, **changes: Any) -> Decision:
    """What a run does."""
    known = Newest(1, "former-one", len(machines))
    return decide(Case(State("shop", machines), known, aimed, **changes))


def parts(steps: tuple[Step, ...]) -> list[Part]:
    """The steps that part the clients."""
    return [step for step in steps if isinstance(step, Part)]


@pytest.mark.parametrize("beside", ["worker", "dropped"])
def test_workers_have_no_clients(beside: str) -> None:
    """Neither those that stay nor those of a group that the new release no longer has."""
    former = (seen(1, group="web", id="w"), seen(1, 2, group=beside, id="k"))

    (part,) = parts(tuple(s for stage in decided(aim(), *former).plan.stages for s in stage.steps))

    assert [member.id for member in part.former] == ["w"]


def test_clients_do_not_move_to_a_group_of_another_name() -> None:
    """Their machines do not know each other; it is said before anything is made."""
    refused = decided(aim("web"), seen(1, group="app"))

    assert refused.kind == "refusal"
    assert "process group app, and v2 in web" in str(refused.refusal)
    assert "pulumi config set --path rollout.by machines" in str(refused.refusal)


def test_a_group_of_another_name_is_compared() -> None:
    """By machines, its former machines retire step by step."""
    state = State("shop", (seen(1, group="app", id="w"), seen(1, 2, group="worker", id="k")))

    assert [machine.id for machine in serving_former(state, aim())] == ["w"]


def test_an_abort_gives_clients_back_from_web_to_web() -> None:
    """Workers of both releases are not asked: they have no clients, and no service."""
    machines = (
        seen(1, group="web", id="w1"),
        seen(1, 2, group="worker", id="k1"),
        seen(2, group="web", name="v2-web", role=CANDIDATE, share=10),
        seen(2, 2, group="worker", name="v2-worker", role=CANDIDATE),
    )

    (part,) = parts(decided(aim(), *machines, aborts=True).undone)

    assert (part.names, [member.id for member in part.former]) == (("v2-web",), ["w1"])
