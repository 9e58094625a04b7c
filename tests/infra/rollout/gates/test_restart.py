"""The gate of a stop and a start: who ends by force is found before it has clients."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from flygate.config import SmokeRequest, Strategy
from flygate.fly.models import Machine
from flygate.manifest import Course, Gates
from flygate.record.journal import Journal
from flygate.redaction.redact import Redactor
from flygate.rollout import strategies
from flygate.rollout.errors import RolloutRestoredError
from flygate.rollout.execution import Execution
from flygate.rollout.forecast import forecast
from flygate.rollout.gates import restart
from flygate.rollout.gates.health import Healthy
from flygate.rollout.gates.restart import Restarts, StopLimit
from flygate.rollout.gates.smoke import Smoke
from flygate.rollout.machine.member import Member
from flygate.rollout.plan import Stage
from flygate.rollout.state import CANDIDATE, STANDBY, Seen, State
from flygate.rollout.verdict import Verdict

from tests.infra.builders import MANIFEST_ID, manifest, seen, target
from tests.infra.deployment import Deployment

MEMBERS = [Member("v2-iad-1", "m1", "iad"), Member("v2-iad-2", "m2", "iad")]
Json = dict[str, Any]


class PaperFly:
    """Fly, with machines that end as a test says.

    Attributes:
        asked: what was asked for, by machine.
        comes_back: whether a start brings it up.
    """

    def __init__(self, exit_event: Json | None, *, after: float, comes_back: bool = True) -> None:
        self.asked: list[tuple[str, str]] = []
        self.comes_back = comes_back
        self._exit, self._after = exit_event, after
        self._state = "started"
        self._events: list[Json] = [{"type": "start", "timestamp": 1_000}]

    async def machine(self, app: str, machine_id: str) -> Machine:
        """As it is now."""
        return Machine.model_validate(
            {
                "id": machine_id,
                "state": self._state,
                "checks": [{"name": "http", "status": "passing"}],
                "events": self._events,
            }
        )

    async def stop(self, app: str, machine_id: str) -> None:
        """End it, at once; how long that took only its events say."""
        self.asked.append(("stop", machine_id))
        if self._exit is None:
            return
        self._state = "stopped"
        request = self._exit if "MonitorEvent" in self._exit else {"exit_event": self._exit}
        at = 2_000 + round(1000 * self._after)
        ended = {"type": "exit", "timestamp": at, "request": request}
        self._events[:0] = [ended, {"type": "stop", "timestamp": 2_000}]

    async def start(self, app: str, machine_id: str) -> None:
        """Start it again."""
        self.asked.append(("start", machine_id))
        self._state = "started" if self.comes_back else "failed"

    async def wait(self, *_: Any) -> None:
        """It is as it will be."""


async def judged(fly: PaperFly, folder: Path, patience: StopLimit | None = None) -> Verdict:
    journal = Journal(folder / "journal.jsonl", "v2", Redactor(()))
    execution = Execution(fly, target(), journal)  # type: ignore[arg-type]
    return await Restarts(5.0, patience or StopLimit("SIGTERM", 30.0)).judge(execution, MEMBERS)


def ended(code: int = 0, signal: int = -1, **more: Any) -> Json:
    """As Fly has it."""
    event = {"exit_code": code, "guest_exit_code": code, "guest_signal": signal, "signal": signal}
    return {**event, "oom_killed": False, "requested_stop": True, **more}


@pytest.mark.parametrize(
    "event",
    [ended(), ended(1), ended(143, 15), ended(130, 2), {"requested_stop": True}],
    ids=["ends well", "ends with an error", "no handler", "by Ctrl-C", "Fly leaves zeros out"],
)
async def test_who_ends_by_itself_and_comes_back_passes(event: Json, tmp_path: Path) -> None:
    """In whatever way; and how long it took is said."""
    fly = PaperFly(event, after=0.25)

    verdict = await judged(fly, tmp_path)

    assert verdict.passed
    assert verdict.reason.startswith("v2-iad-1: stop and start ✓ ")
    assert "(0.2 s to its end)" in verdict.reason
    assert fly.asked == [("stop", "m1"), ("start", "m1")], "only the first machine is tried"


@pytest.mark.parametrize(
    ("event", "after"),
    [
        (ended(137, 9), 30.1),
        (ended(137), 30.1),
        (ended(0, 9), 29.9),
        (ended(143, 15), 35.0),
        (ended(0), 30.0),
        (ended(137, oom_killed=True), 1.0),
        ({"MonitorEvent": {"exit_event": ended(137, 9)}}, 0.3),
    ],
    ids=["signal", "code", "a little early", "by Fly's SIGTERM", "late", "memory", "other place"],
)
async def test_who_is_ended_by_force_fails(event: Json, after: float, tmp_path: Path) -> None:
    """However Fly reports it; the reason says what it would cost, and what to do."""
    fly = PaperFly(event, after=after)

    verdict = await judged(fly, tmp_path)

    assert (verdict.outcome, verdict.gate, verdict.machine) == ("fail", "restart", "m1")
    for part in ("does not end by SIGTERM", "30 s", f"{after:.1f} s", "smoke.restart false"):
        assert part in verdict.reason
    assert ("start", "m1") not in fly.asked


async def test_who_does_not_end_at_all_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fly itself does not get it down."""
    monkeypatch.setattr(restart, "NOTICE_SECONDS", 0.0)

    verdict = await judged(PaperFly(None, after=0), tmp_path, StopLimit("SIGINT", 0.05))

    assert verdict.outcome == "fail"
    assert "does not end by SIGINT within its kill timeout of 0.05 s. Each" in verdict.reason


async def test_who_does_not_come_back_fails(tmp_path: Path) -> None:
    """It may have left something that the next start stumbles over."""
    verdict = await judged(PaperFly(ended(), after=0.1, comes_back=False), tmp_path)

    assert (verdict.outcome, verdict.gate, verdict.machine) == ("fail", "health", "m1")
    assert "after a stop and a start: the service did not stay up" in verdict.reason


async def test_a_service_that_is_to_be_killed_may_be(tmp_path: Path) -> None:
    """Its kill signal is SIGKILL."""
    assert (await judged(PaperFly(ended(137, 9), after=0.1), tmp_path, StopLimit("SIGKILL"))).passed


@pytest.mark.parametrize(
    ("config", "patience"),
    [
        ({}, StopLimit("SIGINT", 5.0)),
        ({"stop_config": {"timeout": "1m30s"}}, StopLimit("SIGINT", 90.0)),
        ({"stop_config": {"timeout": "500ms", "signal": "SIGTERM"}}, StopLimit("SIGTERM", 0.5)),
    ],
)
def test_the_patience_is_the_machines(config: Json, patience: StopLimit) -> None:
    """What its config leaves open is Fly's default."""
    assert StopLimit.of(manifest(config=config)) == patience


def launches(made: Sequence[Seen] = (), **changes: Any) -> list[list[type]]:
    """The kinds of the gates before the machines of each step get requests."""
    course = changes.pop("rollout", Course(strategy="canary", steps=(1, "100%")))
    aim = target(manifest=manifest(machines=2, rollout=course, **changes))
    plan = strategies.plan(State("shop", (seen(1, 1), seen(1, 2), *made)), aim)
    return [[type(gate) for gate in s.gates] for s in plan.stages if _launches(s)]


def _launches(stage: Stage) -> bool:
    return stage.name.startswith("launch")


TRIED, PROVED = [Restarts, Healthy, Smoke], [Healthy, Smoke]


@pytest.mark.parametrize(
    ("strategy", "asked"),
    [
        ("canary", [TRIED, PROVED]),
        ("rolling", [TRIED, PROVED]),
        ("bluegreen", [TRIED]),
        ("immediate", [[Healthy]]),
    ],
)
def test_the_first_step_is_tried_before_its_uptime_counts(
    strategy: Strategy, asked: list[list[type]]
) -> None:
    """Not the later ones, and nothing in an emergency."""
    assert launches(rollout=Course(strategy=strategy, steps=(1, "100%"))) == asked


def test_a_canary_of_clients_is_tried_before_it_knows_of_any() -> None:
    """All its machines are made in one step."""
    assert launches(rollout=Course(strategy="canary", by="clients", steps=("1%", "100%"))) == [
        TRIED
    ]


def test_a_stack_can_leave_it_out() -> None:
    """Who knows that its service must be killed."""
    assert launches(gates=Gates(drain="0s", restart=False)) == [PROVED, PROVED]


@pytest.mark.parametrize(("cordoned", "asked"), [(True, TRIED), (False, PROVED)])
def test_a_machine_that_has_clients_is_not_stopped(cordoned: bool, asked: list[type]) -> None:
    """An earlier run of the same release had let requests to it."""
    made = seen(2, 1, manifest=MANIFEST_ID, role=CANDIDATE, cordoned=cordoned, name="v2-iad-1")
    assert launches([made])[0] == asked


def test_a_way_back_from_standby_is_not_delayed() -> None:
    """Its machines have stopped and started already."""
    aim = target(3, 2, id="old", is_rollback=True)
    old = seen(1, 1, manifest="old", role=STANDBY, state="stopped", cordoned=True)
    plan = strategies.plan(State("shop", (seen(2, 1), old)), aim)

    assert plan.way == "from standby"
    assert not any(isinstance(gate, Restarts) for stage in plan.stages for gate in stage.gates)


def test_the_plan_says_what_is_tried_and_what_it_costs() -> None:
    """Once, with the machine's name."""
    config = {**manifest().config, "stop_config": {"timeout": "30s", "signal": "SIGTERM"}}
    aim = target(manifest=manifest(config=config, machines=2))
    state = State("shop", (seen(1),))

    [line] = [s for s in forecast(strategies.plan(state, aim), state, aim) if "restart " in s]

    assert line == (
        "restart stops and starts v2-iad-1 before it serves: a few seconds, and up to 30 s more if "
        "it does not end by SIGTERM"
    )


def test_a_manifest_that_asks_for_it_keeps_its_id() -> None:
    """It is the default: no stack is deployed anew for it."""
    assert "restart" not in Gates(requests=(SmokeRequest(path="/"),)).model_dump(mode="json")
    kept = Gates(restart=False).model_dump(mode="json")
    assert Gates.model_validate(kept) == Gates(restart=False)


@pytest.mark.integration
async def test_a_service_that_ignores_its_signal_gets_no_client(shop: Deployment) -> None:
    """It is well and quick in all else: real processes, which are really stopped."""
    await shop.release()

    async with shop.traffic() as traffic:
        with pytest.raises(RolloutRestoredError) as failure:
            await shop.release(env={"FAULT": "stubborn"})

    assert "restart check of v2-iad-1" in str(failure.value)
    assert "does not end by SIGTERM within its kill timeout of 2 s" in str(failure.value)
    assert traffic.failures == []
    assert traffic.releases == ["v1"]


@pytest.mark.integration
async def test_a_service_that_ends_by_its_signal_is_released(shop: Deployment) -> None:
    """And its uptime counts from the second start."""
    gates = shop.manifest().gates.model_copy(update={"uptime": "200ms"})
    ledger = await shop.release(gates=gates)

    assert ledger.current is not None
    [machine] = (await shop.state()).of(1)
    events = (await shop.fly.machine("shop", machine.id)).events
    assert [e.type for e in events if e.type in {"exit", "stop", "launch"}] == [
        "exit",
        "stop",
        "launch",
    ]
