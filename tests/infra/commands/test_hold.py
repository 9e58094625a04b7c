"""A rollout that no gate can decide: it waits for an operator, and does what the operator says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from flygate.commands import release as release_op
from flygate.commands.inspection import InspectionRequest, inspect
from flygate.commands.orders import Back, Orders
from flygate.commands.recovery import Recovered
from flygate.commands.request import ReleaseRequest
from flygate.commands.workspace import journal_path
from flygate.config import Pin, Strategy
from flygate.fly.client import FlyClient
from flygate.fly.endpoints import Endpoints
from flygate.fly.errors import MachineStateError
from flygate.fly.pace import Pace
from flygate.manifest import Course
from flygate.record import journal
from flygate.rollout.errors import (
    NothingHeldError,
    RestoreFailedError,
    RolloutHeldError,
    RolloutRestoredError,
    UnfinishedRolloutError,
)
from flygate.rollout.execution import Execution
from flygate.rollout.gates.gate import Gate
from flygate.rollout.machine.member import Member
from flygate.rollout.restore import standing
from flygate.rollout.state import CANDIDATE, LIVE
from flygate.rollout.strategies import gating
from flygate.rollout.target import Target
from flygate.rollout.verdict import Outcome, Verdict

from tests.infra.deployment import APP, Deployment
from tests.infra.foretold import Foretold

pytestmark = pytest.mark.integration

CANARY = Course(strategy="canary", steps=(1, "100%"))
OLD, NEW = {"KEY": "old"}, {"KEY": "new"}


@dataclass
class Judge:
    """Says what a test wants it to say, and counts how often it was asked.

    Attributes:
        outcomes: the answers; the last one again and again.
        asked: about which machines, each time.
    """

    outcomes: list[Outcome]
    asked: list[list[str]]
    name = "judge"
    seconds = 0.0

    async def judge(self, world: Execution, machines: Sequence[Member]) -> Verdict:
        """The next answer."""
        self.asked.append([member.name for member in machines])
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        return Verdict(outcome, self.name, "3 requests in 10 s", {"requests": 3})


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Judge:
    """Stands after each step of a release; it can't decide."""
    gate = Judge(["inconclusive"], [])

    def soaking(_: Target) -> tuple[Gate, ...]:
        return (gate,)

    monkeypatch.setattr(gating, "soaking", soaking)
    return gate


@pytest.fixture
async def serving(shop: Deployment) -> Deployment:
    """A shop whose v1 serves on two machines."""
    await shop.release(OLD, machines=2, env={"GREETING": "old"})
    return shop


async def change(shop: Deployment, orders: Orders | None = None) -> None:
    """Release something else in two steps."""
    how = {"orders": orders} if orders else {}
    await shop.release(NEW, how=how, machines=2, env={"GREETING": "new"}, rollout=CANARY)


def kinds(shop: Deployment) -> list[str]:
    return [event.kind for event in journal.read(journal_path(shop.root, APP))]


@pytest.fixture
async def held(serving: Deployment, judge: Judge) -> Deployment:
    """Its v2 is held at its first step."""
    with pytest.raises(RolloutHeldError):
        await change(serving)
    return serving


async def test_what_can_t_be_decided_is_held(serving: Deployment, judge: Judge) -> None:
    """Old and new serve side by side, the operator reads what can be done; no lease is held."""
    async with serving.traffic() as traffic:
        with pytest.raises(RolloutHeldError, match="3 requests in 10 s") as reported:
            await change(serving)

    assert reported.value.exit_code == 3
    for word in ("flygate proceed", "flygate abort", "v1 and v2 serve side by side"):
        assert word in str(reported.value).splitlines()[-1]
    assert "A machine of v1 that restarts meanwhile gets the secrets of v2." in str(reported.value)
    assert judge.asked == [["v2-iad-1"]]
    assert kinds(serving)[-1] == "held"
    assert traffic.failures == []
    state = await serving.state()
    assert sorted((m.name, m.role, m.serves) for m in state.machines) == [
        ("v1-iad-1", LIVE, True),
        ("v1-iad-2", LIVE, True),
        ("v2-iad-1", CANDIDATE, True),
    ]
    assert (await serving.fingerprint())["leases"] == []
    assert [r.version for r in serving.ledger.releases] == [1]


@pytest.mark.parametrize("orders", [Orders(), Orders(accept="fine")])
async def test_a_plan_of_what_is_held_destroys_nothing_that_serves(
    held: Deployment, judge: Judge, orders: Orders
) -> None:
    """The operator who reads it sees that the machines are gone on with, and so it is."""
    judge.outcomes = ["pass"]
    wanted: dict[str, Any] = {"machines": 2, "env": {"GREETING": "new"}, "rollout": CANARY}
    plan = await Foretold.of(held, orders=orders, secrets=NEW, **wanted)
    assert ("launch 1/2", "adopt v2-iad-1") in plan.steps
    assert not any(title.startswith("destroy") for _, title in plan.steps)

    await held.release(NEW, how={"orders": orders, "listeners": (plan,)}, **wanted)

    assert plan.done == plan.steps


async def test_a_plan_of_an_abort_shows_what_is_undone(held: Deployment) -> None:
    """And the abort undoes just that."""
    wanted: dict[str, Any] = {"machines": 2, "env": {"GREETING": "new"}, "rollout": CANARY}
    orders = Orders(abort="no")
    plan = await Foretold.of(held, orders=orders, secrets=NEW, **wanted)
    (line,) = plan.decision.lines(await held.state())
    assert line == "v2 is aborted; undone: secrets, admit v2-iad-1, adopt v2-iad-1"

    with pytest.raises(RolloutRestoredError):
        await held.release(NEW, how={"orders": orders, "listeners": (plan,)}, **wanted)

    assert {title for _, title in plan.done} == plan.undone
    assert (await Foretold.of(held, orders=orders)).decision.kind == "refusal"


async def test_a_former_machine_that_restarts_beside_a_held_release_is_caught(
    held: Deployment,
) -> None:
    """Secrets are the app's on Fly: it has the new release's values, and the operator reads it."""
    looked = (await inspect(InspectionRequest(app=APP), held.fly)).found
    assert any("those of v2, which is not released: a machine of v1 that" in one for one in looked)
    assert not any("has started with secrets" in one for one in looked)
    machine = (await held.state()).of(1)[0]

    await held.restart(machine.id)

    looked = (await inspect(InspectionRequest(app=APP), held.fly)).found
    (reported,) = [one for one in looked if "has started with secrets" in one]
    assert f"v1-iad-1 ({machine.id})" in reported
    warned: list[str] = []
    listener = lambda event: warned.append(event.text) if event.kind == "warning" else None  # noqa: E731
    with pytest.raises(RolloutRestoredError):
        await held.release(NEW, how={"orders": Orders(abort="no"), "listeners": (listener,)})
    assert f"fly machine restart {machine.id}" in " ".join(warned)


class Broken(FlyClient):
    """A client of a Fly that does not start some machines again."""

    dead: frozenset[str] = frozenset()

    async def start(self, app: str, machine_id: str) -> None:
        """Refuse them."""
        if machine_id in self.dead:
            raise MachineStateError("start", 412, "machine still active, refusing to start")
        await super().start(app, machine_id)


@pytest.fixture
async def broken(
    serving: Deployment, endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Deployment]:
    """A shop whose v1 has stopped, and does not come up any more."""
    monkeypatch.setattr(standing, "SECONDS", 0.1)
    monkeypatch.setattr(standing, "POLL_SECONDS", 0.03)
    machines = (await serving.state()).machines
    for machine in machines:
        await serving.fly.stop(APP, machine.id)
        await serving.fly.wait(APP, machine.id, "stopped", 10)
    async with Broken(endpoints, pace=Pace(is_limited=False)) as fly:
        fly.dead = frozenset(machine.id for machine in machines)
        serving.fly = fly
        yield serving


async def test_what_serves_stays_where_the_former_release_can_t_be_brought_up(
    broken: Deployment, judge: Judge
) -> None:
    """A release that was judged to be bad is better than nothing; text and exit code say so.

    It serves until the next release does, whatever that is.
    """
    judge.outcomes = ["fail"]
    with pytest.raises(RestoreFailedError) as reported:
        await change(broken)

    assert reported.value.exit_code == 4
    assert "No machine of v1 serves; v2 stays in service (v2-iad-1)." in str(reported.value)
    assert "serves as before" not in str(reported.value)
    judge.outcomes = ["pass"]
    async with broken.traffic() as traffic:
        wanted: dict[str, Any] = {"machines": 2, "env": {"GREETING": "newer"}, "rollout": CANARY}
        plan = await Foretold.of(broken, secrets=NEW, **wanted)
        await broken.release(NEW, how={"listeners": (plan,)}, **wanted)

    assert plan.done == plan.steps
    assert traffic.failures == []
    assert traffic.releases == ["v2", "v3"]
    state = await broken.state()
    assert {m.release for m in state.machines if m.serves} == {3}
    assert state.of(2) == ()


async def test_that_the_former_release_serves_is_said_only_if_it_does(broken: Deployment) -> None:
    """Nothing served before, and nothing does now: that is not reported as restored."""
    with pytest.raises(RestoreFailedError) as reported:
        await broken.release(NEW, env={"FAULT": "unlimited"}, machines=2)

    assert "No machine of v1 serves." in str(reported.value)
    assert {m.release for m in (await broken.state()).machines} == {1}


async def test_who_looks_at_it_sees_that_it_waits(held: Deployment) -> None:
    """It is no rollout that died."""
    found = (await inspect(InspectionRequest(app=APP), held.fly)).found

    assert "waits for a decision: judge check" in found[-1]
    assert not any("died" in line for line in found)


async def test_the_same_command_again_judges_the_step_again(held: Deployment, judge: Judge) -> None:
    """With the machine that is there; then the rollout goes on as ever."""
    (waiting,) = (await held.state()).of(2)
    judge.outcomes, judge.asked = ["pass"], []

    await change(held)

    assert judge.asked == [["v2-iad-1"], ["v2-iad-2"]]
    state = await held.state()
    assert waiting.id in {m.id for m in state.of(2)}
    assert [m.held for m in state.of(2)] == ["", ""]
    assert (await held.ask())["GREETING"] == "new"


async def test_an_operator_can_accept_the_step(held: Deployment, judge: Judge) -> None:
    """That step is judged no more, the next one is; the ledger keeps why."""
    judge.outcomes, judge.asked = ["pass"], []

    async with held.traffic() as traffic:
        await change(held, Orders(accept="it has no traffic at night"))

    assert judge.asked == [["v2-iad-2"]]
    current = held.ledger.current
    assert current is not None
    assert (current.version, current.accepted) == (2, "it has no traffic at night")
    assert held.ledger.history()[0]["accepted"] == "it has no traffic at night"
    assert "accepted" in kinds(held)
    assert traffic.failures == []


async def test_the_ledger_keeps_why_each_step_was_accepted(held: Deployment) -> None:
    """The second reason, in a run of its own, does not take the place of the first."""
    with pytest.raises(RolloutHeldError):
        await change(held, Orders(accept="it has no traffic at night"))

    await change(held, Orders(accept="the second one is well, too"))

    current = held.ledger.current
    assert current is not None
    assert current.accepted == "it has no traffic at night; the second one is well, too"
    assert [m.accepted for m in (await held.state()).of(2)] == ["", ""]


OWNER = "acme/flygate/prod#0123abcd"
BACK = {"orders": Orders(back=Back(by="ann@laptop", at="2026-11-29T12:00:00+00:00"))}


async def test_a_way_back_does_not_take_the_good_release_beside_a_held_one(
    held: Deployment,
) -> None:
    """What is held must be decided about first; the commands are named."""
    older = held.ledger.releases[0].model_copy(update={"manifest_id": "older"})
    held.ledger = held.ledger.model_copy(update={"releases": (older, *held.ledger.releases)})
    before = await held.fingerprint()
    request = ReleaseRequest(app=APP, content=Pin(version="v1", manifest="older"), owner=OWNER)

    with pytest.raises(UnfinishedRolloutError) as refused:
        await release_op.release(request, {}, Recovered(held.ledger), held.site(BACK))

    assert refused.value.exit_code == 3
    for word in ("v2 is held", "beside v1", "flygate abort prod", "flygate proceed prod"):
        assert word in str(refused.value)
    assert await held.fingerprint() == before
    assert kinds(held)[-1] == "refused"


async def test_an_operator_can_abort_it(held: Deployment) -> None:
    """Its machine goes, the former values are back, and v1 has served all the time."""
    async with held.traffic() as traffic:
        with pytest.raises(RolloutRestoredError, match=r"aborted by .*: odd latency") as reported:
            await change(held, Orders(abort="odd latency"))

    assert reported.value.exit_code == 2
    assert traffic.failures == []
    state = await held.state()
    assert [(m.release, m.role, m.serves) for m in state.machines] == [(1, LIVE, True)] * 2
    await held.restart(state.machines[0].id)
    answer = await held.ask(**{"fly-force-instance-id": state.machines[0].id})
    assert answer["KEY"] == "old"


async def test_it_can_be_aborted_though_the_checkout_asks_for_the_former_release(
    held: Deployment,
) -> None:
    """The operator reverted the change first."""
    with pytest.raises(RolloutRestoredError):
        await held.release(
            OLD, how={"orders": Orders(abort="reverted")}, machines=2, env={"GREETING": "old"}
        )

    assert [m.release for m in (await held.state()).machines] == [1, 1]


@pytest.mark.parametrize("orders", [Orders(accept="fine"), Orders(abort="no")])
async def test_what_is_not_held_can_be_neither_accepted_nor_aborted(
    serving: Deployment, orders: Orders
) -> None:
    """Nothing is changed."""
    before = await serving.fingerprint()

    with pytest.raises(NothingHeldError, match="Nothing was changed"):
        await change(serving, orders)

    assert await serving.fingerprint() == before


async def test_another_release_than_the_held_one_is_not_accepted(held: Deployment) -> None:
    """What was judged is not what the checkout asks for now."""
    with pytest.raises(NothingHeldError, match="not what the checkout"):
        await held.release(
            NEW, how={"orders": Orders(accept="fine")}, machines=2, env={"GREETING": "newer"}
        )

    assert [m.release for m in (await held.state()).of(2)] == [2]


@pytest.mark.parametrize("strategy", ["canary", "rolling"])
async def test_a_verdict_that_fails_takes_all_steps_back(
    serving: Deployment, judge: Judge, strategy: Strategy
) -> None:
    """Also those that had passed; an old machine that had gone serves again, with its values."""
    judge.outcomes = ["pass", "fail"]
    before = await serving.fingerprint()
    course = CANARY.model_copy(update={"strategy": strategy})

    async with serving.traffic() as traffic:
        with pytest.raises(
            RolloutRestoredError, match="judge check of the new machines: 3 requests"
        ):
            await serving.release(NEW, machines=2, env={"GREETING": "new"}, rollout=course)

    assert judge.asked == [["v2-iad-1"], ["v2-iad-2"]]
    assert traffic.failures == []
    assert await serving.fingerprint() == before
    for machine in (await serving.state()).machines:
        assert (await serving.ask(**{"fly-force-instance-id": machine.id}))["KEY"] == "old"
