"""The engine on a real local Fly: whatever fails, the former release serves all the time."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import stamina
from flygate.config import Strategy
from flygate.fly.client import FlyClient
from flygate.fly.endpoints import Endpoints
from flygate.fly.errors import FlyError
from flygate.fly.models import Machine
from flygate.manifest import Course, Manifest
from flygate.record import journal as journal_file
from flygate.record.journal import Event, Journal
from flygate.redaction.redact import Redactor
from flygate.rollout import engine
from flygate.rollout.desired import DesiredRelease
from flygate.rollout.errors import (
    LeaseLostError,
    RestoreFailedError,
    RolloutHeldError,
    RolloutRestoredError,
)
from flygate.rollout.execution import Execution
from flygate.rollout.gates import reach
from flygate.rollout.state import CANDIDATE, LIVE, STANDBY
from flygate.rollout.strategies import bluegreen
from flygate.rollout.target import Target
from flygate_wire.variables import Variable

from tests.infra.deployment import APP, Deployment

pytestmark = pytest.mark.integration

OLD = {"KEY": "old-secret", "GONE": "was-here"}
NEW = {"KEY": "new-secret", "ADDED": "is-new"}


@pytest.fixture
async def serving(shop: Deployment) -> Deployment:
    """A shop whose v1 serves, with secrets."""
    await shop.release(OLD, env={"GREETING": "hello"})
    return shop


def change(shop: Deployment) -> None:
    """Another version of the code."""
    with (shop.root / "service" / "flygate_service" / "__main__.py").open(
        "a", encoding="utf-8"
    ) as file:
        file.write("# changed\n")


async def test_a_good_release_replaces_the_former_one_without_a_gap(serving: Deployment) -> None:
    """Every request is answered, by v1 and then by v2; v1 is kept, asleep."""
    change(serving)
    async with serving.traffic() as traffic:
        ledger = await serving.release(NEW, env={"GREETING": "good day"}, machines=2)

    assert traffic.failures == []
    assert traffic.releases == ["v1", "v2"]
    now = await serving.ask()
    assert (now["GREETING"], now["KEY"]) == ("good day", "new-secret")
    state = await serving.state()
    assert [(m.role, m.serves) for m in state.of(2)] == [(LIVE, True)] * 2
    assert [(m.role, m.state, m.cordoned) for m in state.of(1)] == [(STANDBY, "stopped", True)]
    assert ledger.current is not None
    assert sorted(ledger.current.machines["iad"]) == sorted(m.id for m in state.of(2))
    assert {s.name for s in await serving.fly.secrets(APP)} == {
        "KEY",
        "ADDED",
        Variable.FLYGATE_KEY,
    }


async def test_a_release_spreads_over_its_regions(shop: Deployment) -> None:
    """This many machines in each."""
    ledger = await shop.release(regions=("iad", "fra"), machines=2)

    assert ledger.current is not None
    assert {r: len(ids) for r, ids in ledger.current.machines.items()} == {"iad": 2, "fra": 2}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"FAULT": "crash"}, ["health check of v2-iad-1", "exit code 3", "cannot open the databa"]),
        ({"FAULT": "sick"}, ["health check of v2-iad-1", "checks do not pass", "503"]),
        ({"FAULT": "unwell"}, ["smoke check of v2-iad-1", "GET /health answered 500"]),
        ({"FAULT": "unlimited"}, ["smoke check of v2-iad-1", "the limiter does not limit"]),
    ],
    ids=["crashes", "check fails", "health fails", "limiter off"],
)
async def test_a_bad_release_is_taken_back_and_explained(
    serving: Deployment, changes: dict[str, str], said: list[str]
) -> None:
    """No user notices; the operator reads what failed, where, and what the machine printed."""
    before, ledger = await serving.fingerprint(), serving.ledger
    # What is sick is so for ever; what crashes must have the time to, on a busy computer, too.
    wait = "1s" if changes["FAULT"] == "sick" else "60s"
    gates = serving.manifest().gates.model_copy(update={"wait": wait})

    async with serving.traffic() as traffic:
        with pytest.raises(RolloutRestoredError) as failure:
            await serving.release(NEW, env=changes, gates=gates)

    text = str(failure.value)
    assert failure.value.exit_code == 2
    for part in [*said, "v2 was not released", "v1 serves as before"]:
        assert part in text
    assert all(value not in text for value in NEW.values())
    assert traffic.failures == []
    assert traffic.releases == ["v1"]
    assert await serving.fingerprint() == before
    assert serving.ledger == ledger


@pytest.mark.parametrize("strategy", ["bluegreen", "immediate"])
async def test_a_release_that_dies_soon_after_each_start_is_taken_back(
    serving: Deployment, strategy: Strategy
) -> None:
    """It passes its checks for a moment, again and again, and nothing is compared."""
    gates = serving.manifest().gates.model_copy(update={"uptime": "60s"})

    with pytest.raises(
        RolloutRestoredError, match=r"^v2 .* health check of .* crashed 2 times, exit code 7"
    ):
        await serving.release(
            NEW, env={"FAULT": "fleeting"}, gates=gates, rollout=Course(strategy=strategy)
        )

    assert [(m.release, m.serves) for m in (await serving.state()).machines] == [(1, True)]


async def test_a_service_that_refuses_its_settings_says_which(serving: Deployment) -> None:
    """Its own last line is in the reason, beside the exit code that means just this."""
    with pytest.raises(RolloutRestoredError) as failure:
        await serving.release(NEW, env={"FAULT": "refuses"})

    first = str(failure.value).splitlines()[0]
    assert "exit code 78: service: RATE_LIMIT_RPM: found 'many'" in first


async def test_a_first_release_that_fails_leaves_nothing(shop: Deployment) -> None:
    """There is no former one to go back to, and that is said."""
    with pytest.raises(RolloutRestoredError, match="nothing is left running"):
        await shop.release(NEW, env={"FAULT": "crash"})

    assert await shop.fingerprint() == {"machines": {}, "secrets": {}, "leases": []}


class Rollout:
    """A rollout of v2 over v1 that a test can reach into."""

    def __init__(self, shop: Deployment, path: Path, machines: int) -> None:
        former = shop.ledger.current
        assert former is not None
        self.shop = shop
        self.path = path
        self.target = Target(
            version=former.version + 1,
            desired=DesiredRelease(
                shop.manifest(tuple(NEW), machines=machines, env={"GREETING": "v2"}),
                secrets=NEW,
                id="0123456789ab",
            ),
            url=shop.url,
            former=former.version,
            former_secrets=OLD,
            key=shop.ledger.key,
            former_key=shop.ledger.key,
        )

    async def run(
        self, on_event: Callable[[Event], None] = lambda _: None, fly: FlyClient | None = None
    ) -> None:
        """Run it; `on_event` is called after each event is on disk."""
        self.path.unlink(missing_ok=True)
        journal = Journal(self.path, self.target.name, Redactor(NEW.values()), (on_event,))
        plan = bluegreen.plan(await self.shop.state(), self.target)
        await engine.run(plan, Execution(fly or self.shop.fly, self.target, journal))

    async def run_until(self, number: int) -> None:
        """Run it, and interrupt it when the journal has this many events."""
        events = 0
        task = asyncio.current_task()
        assert task is not None

        def interrupt(_: Event) -> None:
            nonlocal events
            events += 1
            if events == number:
                task.cancel()

        await self.run(interrupt)

    @property
    def kinds(self) -> list[str]:
        """What the journal says happened."""
        return [event.kind for event in journal_file.read(self.path)]


@pytest.fixture
def rollout(serving: Deployment, tmp_path: Path) -> Rollout:
    """v2 over v1, two machines, other secrets."""
    change(serving)
    return Rollout(serving, tmp_path / "rollout.jsonl", machines=2)


async def test_an_interruption_at_any_moment_restores_all(
    serving: Deployment, tmp_path: Path
) -> None:
    """Ctrl-C after the first, the second, … event: each time all is as before, up to the last."""
    shop, rollout = serving, Rollout(serving, tmp_path / "rollout.jsonl", machines=1)
    await rollout.shop.push_image()
    before = await shop.fingerprint()
    interrupted_at: list[str] = []

    async with shop.traffic() as traffic:
        for number in range(1, 100):
            if not await is_taken_back(rollout, number):
                break
            interrupted_at.append(rollout.kinds[number - 1])
            assert await shop.fingerprint() == before, f"interrupted at event {number}"

    assert traffic.failures == []
    assert {"step", "done", "verdict"} <= set(interrupted_at)
    assert interrupted_at.count("verdict") >= 2


async def is_taken_back(rollout: Rollout, number: int) -> bool:
    """Interrupt at an event; False if the rollout was beyond its point of no return."""
    try:
        await rollout.run_until(number)
    except RolloutRestoredError as exc:
        return "interrupted" in str(exc)
    return False


async def test_an_interrupted_proceed_is_held_as_before(
    serving: Deployment, tmp_path: Path
) -> None:
    """What an operator let go on is not taken back by a Pulumi that dies: it can go on again."""
    shop, rollout = serving, Rollout(serving, tmp_path / "rollout.jsonl", machines=1)
    await shop.push_image()
    rollout.target = dataclasses.replace(rollout.target, accepted="it is well")

    async with shop.traffic() as traffic:
        with pytest.raises(RolloutHeldError, match="interrupted"):
            await rollout.run(interrupt_at("verdict"))
        held = await shop.state()
        await rollout.run()

    assert traffic.failures == []
    assert [(m.role, m.held) for m in held.of(2)] == [(CANDIDATE, "interrupted")]
    assert [(m.role, m.serves) for m in held.of(1)] == [(LIVE, True)]
    assert [(m.role, m.serves) for m in (await shop.state()).of(2)] == [(LIVE, True)]


def interrupt_at(kind: str) -> Callable[[Event], None]:
    """A listener that interrupts this task at the first event of a kind."""
    task = asyncio.current_task()
    assert task is not None

    def listen(event: Event) -> None:
        if event.kind == kind:
            task.cancel()

    return listen


async def test_an_interruption_past_the_point_of_no_return_pushes_forward(
    rollout: Rollout,
) -> None:
    """The new release serves all requests already: it is finished, not left half-way."""
    await rollout.shop.push_image()

    task = asyncio.current_task()
    assert task is not None

    def interrupt(event: Event) -> None:
        if event.kind in {"no-return", "done"} and "no-return" in rollout.kinds:
            task.cancel()

    async with rollout.shop.traffic() as traffic:
        await rollout.run(interrupt)

    assert traffic.failures == []
    state = await rollout.shop.state()
    assert [(m.role, m.serves) for m in state.of(2)] == [(LIVE, True)] * 2
    assert [(m.role, m.serves) for m in state.of(1)] == [(STANDBY, False)]


async def test_an_interruption_while_a_failure_is_explained_does_not_stop_the_way_back(
    rollout: Rollout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine's log is being read when the operator loses patience."""
    await rollout.shop.push_image()
    shop, before = rollout.shop, await rollout.shop.fingerprint()
    rollout.target = target_with(rollout.target, env={"FAULT": "unlimited"})
    task = asyncio.current_task()
    assert task is not None
    logs = shop.fly.logs

    async def interrupted_logs(app: str, machine_id: str) -> Any:
        task.cancel()
        await asyncio.sleep(0.01)
        return await logs(app, machine_id)

    monkeypatch.setattr(shop.fly, "logs", interrupted_logs)

    with pytest.raises(RolloutRestoredError, match="does not limit"):
        await rollout.run()

    assert await shop.fingerprint() == before


class Overtaken(FlyClient):
    """A client whose computer sleeps before it admits a machine, while another rollout begins."""

    async def uncordon(self, app: str, machine_id: str) -> None:
        """Wake up, and go on."""
        async with FlyClient(self._session.endpoints) as other:
            other.leases.update(self.leases)
            for held in self.leases:
                await other.release_lease(app, held)
                await other.acquire_lease(app, held, 60, "flygate v3 by bob@ci")
        self.leases._ends.clear()  # as the clocks would say
        await super().uncordon(app, machine_id)


async def test_a_rollout_whose_lease_has_ended_touches_nothing_more(
    serving: Deployment, endpoints: Endpoints
) -> None:
    """Neither forward nor back: what the other rollout does must stand."""
    before = {m.id: (m.state, m.cordoned) for m in (await serving.state()).of(1)}
    events: list[Event] = []
    own = serving.fly

    async with Overtaken(endpoints) as serving.fly:
        with pytest.raises(
            LeaseLostError, match=r"v2 was stopped half-way.*now of flygate v3 by bob"
        ):
            await serving.release(NEW, env={"GREETING": "new"}, how={"listeners": (events.append,)})
    serving.fly = own

    state = await serving.state()
    assert {m.id: (m.state, m.cordoned) for m in state.of(1)} == before
    assert [(m.role, m.state, m.cordoned) for m in state.of(2)] == [(CANDIDATE, "started", True)]
    assert [e.text for e in events if e.kind == "restore-failed"] == ["nothing more was touched"]
    assert not [e for e in events if e.kind == "undo"]


class LosesTheAnswer(FlyClient):
    """A client that is interrupted between the creation of a machine and the answer."""

    async def create_machine(self, app: str, request: Mapping[str, Any]) -> Machine:
        """Create it, and never come back."""
        await super().create_machine(app, request)
        raise asyncio.CancelledError


async def test_a_machine_whose_creation_was_interrupted_is_found_by_its_name(
    rollout: Rollout, endpoints: Endpoints
) -> None:
    """Its id is not known, and it must not be left behind."""
    await rollout.shop.push_image()
    before = await rollout.shop.fingerprint()

    async with LosesTheAnswer(endpoints) as fly:
        with pytest.raises(RolloutRestoredError, match="interrupted"):
            await rollout.run(fly=fly)

    assert await rollout.shop.fingerprint() == before


async def test_a_second_interruption_does_not_stop_the_way_back(rollout: Rollout) -> None:
    """Ctrl-C twice: half a restore would be worse than waiting."""
    await rollout.shop.push_image()
    shop, before = rollout.shop, await rollout.shop.fingerprint()
    task = asyncio.current_task()
    assert task is not None

    def interrupt(event: Event) -> None:
        if event.kind in {"verdict", "undo"}:
            task.cancel()

    with pytest.raises(RolloutRestoredError):
        await rollout.run(interrupt)

    assert await shop.fingerprint() == before


def target_with(target: Target, env: dict[str, str]) -> Target:
    """The same target with other variables for its machines."""
    config = {**target.manifest.config, "env": {**target.manifest.env, **env}}
    return with_manifest(target, target.manifest.model_copy(update={"config": config}))


def with_manifest(target: Target, manifest: Manifest) -> Target:
    """The same target with another manifest."""
    desired = dataclasses.replace(target.desired, manifest=manifest)
    return dataclasses.replace(target, desired=desired)


class Unwilling(FlyClient):
    """A client whose destroy and cordon fail from a moment on."""

    is_broken = False

    async def destroy(self, app: str, machine_id: str) -> None:
        """Refuse, once broken."""
        if self.is_broken:
            raise FlyError("Fly is down")
        await super().destroy(app, machine_id)

    async def stop(self, app: str, machine_id: str) -> None:
        """Refuse, once broken."""
        if self.is_broken:
            raise FlyError("Fly is down")
        await super().stop(app, machine_id)


def without_restart(target: Target) -> Target:
    """A target whose new machines are not stopped on the way."""
    manifest = target.manifest
    gates = manifest.gates.model_copy(update={"restart": False})
    return with_manifest(target, manifest.model_copy(update={"gates": gates}))


async def test_a_restore_that_fails_says_so_and_the_next_run_repairs(
    rollout: Rollout, endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 4: an operator must look. What can be restored is, and v1 still serves."""
    await rollout.shop.push_image()
    shop = rollout.shop
    rollout.target = without_restart(
        target_with(rollout.target, env={"FAULT": "unlimited"}),
    )
    async with Unwilling(endpoints) as fly, shop.traffic() as traffic:
        fly.is_broken = True
        with stamina.set_testing(True, attempts=2), pytest.raises(RestoreFailedError) as failure:
            await rollout.run(fly=fly)

        assert failure.value.exit_code == 4
        for part in ("does not limit", "launch v2-iad-1: Fly is down", "begins by repairing"):
            assert part in str(failure.value)
        assert {m.role for m in (await shop.state()).of(2)} == {CANDIDATE}
        assert {s.name for s in await shop.fly.secrets(APP)} == {*OLD, Variable.FLYGATE_KEY}
        await shop.release(OLD, env={"GREETING": "second try"})

    assert traffic.failures == []
    assert traffic.releases == ["v1", "v2"]
    assert (await shop.ask())["GREETING"] == "second try"
    assert len((await shop.state()).of(2)) == 1


async def test_what_fails_past_the_point_of_no_return_is_left_for_the_next_run(
    rollout: Rollout, endpoints: Endpoints
) -> None:
    """The release stands with a warning; its former one is cordoned, at least."""
    await rollout.shop.push_image()
    rollout.target = without_restart(rollout.target)
    async with Unwilling(endpoints) as fly:
        with stamina.set_testing(True, attempts=2):
            fly.is_broken = True
            await rollout.run(fly=fly)

    assert "warning" in rollout.kinds
    state = await rollout.shop.state()
    assert all(m.serves and m.role == LIVE for m in state.of(2))
    assert not any(m.serves for m in state.of(1))


async def test_an_app_that_can_t_be_reached_is_not_released(
    rollout: Rollout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machines are well, but no request gets to them: the last gate before the old ones go."""
    await rollout.shop.push_image()
    monkeypatch.setattr(reach, "REACH_SECONDS", 0.2)
    shop, before = rollout.shop, await rollout.shop.fingerprint()
    rollout.target = dataclasses.replace(rollout.target, url="http://no-such-app.localhost:1")

    with pytest.raises(RolloutRestoredError, match=r"reach check of v2-iad-\d"):
        await rollout.run()

    assert await shop.fingerprint() == before
