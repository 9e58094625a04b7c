"""`flygate op release`: converge on what is asked for, or leave all as it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from flygate.commands import release as release_op
from flygate.commands.inspection import Inspection, InspectionRequest, inspect
from flygate.commands.orders import Orders
from flygate.commands.recovery import Recovered
from flygate.commands.removal import remove_release
from flygate.commands.request import ReleaseRequest
from flygate.commands.workspace import journal_path
from flygate.config import Pin
from flygate.config.source import SERVICE
from flygate.fly.client import FlyClient
from flygate.fly.endpoints import Endpoints
from flygate.images import packed_image
from flygate.manifest import Gates, Manifest
from flygate.pulumi.checkpoint import Checkpoint
from flygate.record import journal
from flygate.record.journal import Journal
from flygate.record.ledger import Ledger
from flygate.rollout.errors import LockHeldError, RolloutRestoredError
from flygate.rollout.lock import lock
from flygate.system.errors import ConfigError, ImageError, LedgerError

from tests.infra.builders import OPEN, manifest
from tests.infra.deployment import APP, Deployment
from tests.support.fly_tomls import config_of

pytestmark = pytest.mark.integration

PROJECT = Path(__file__).resolve().parents[3]
HELLO = {"GREETING": "hello"}


@pytest.fixture
async def serving(shop: Deployment) -> Deployment:
    """A shop whose v1 serves."""
    await shop.release({"KEY": "first"}, drift="token", env=HELLO)
    return shop


@pytest.fixture
async def other(endpoints: Endpoints) -> AsyncIterator[FlyClient]:
    """Another operator who deploys."""
    async with FlyClient(endpoints) as client:
        yield client


async def looked(shop: Deployment) -> Inspection:
    """What a preview sees."""
    return await inspect(InspectionRequest(app=APP), shop.fly)


async def again(shop: Deployment, drift: str = "token") -> Ledger:
    return await shop.release({"KEY": "first"}, drift=drift, env=HELLO)


async def test_the_same_request_changes_nothing(serving: Deployment) -> None:
    """The ledger stays as it is, and no machine is touched."""
    before, ledger = await serving.fingerprint(), serving.ledger

    assert await again(serving) == ledger
    assert await serving.fingerprint() == before


async def test_the_ledger_keeps_what_the_gates_said(serving: Deployment) -> None:
    """An operator who promotes it, or looks back at night, sees what was proved."""
    [entry] = serving.ledger.history()

    assert list(entry["verdicts"]) == ["restart", "health", "smoke", "reach"]
    assert entry["verdicts"]["smoke"].startswith("pass: v1-iad-1: burst of 20 served")


async def test_after_a_release_there_is_no_drift(serving: Deployment) -> None:
    """The machines remember the token that Pulumi has as its input."""
    found = await looked(serving)

    assert (found.drift, found.found) == ("token", ())


@pytest.mark.parametrize("damage", ["stop", "cordon"])
async def test_damage_is_seen_and_repaired_with_the_same_machines(
    serving: Deployment, damage: str
) -> None:
    """A machine was stopped or cordoned by hand: the next up puts it right."""
    (machine,) = (await serving.state()).machines
    ledger = serving.ledger
    await getattr(serving.fly, damage)(APP, machine.id)
    if damage == "stop":
        await serving.fly.wait(APP, machine.id, "stopped", 10)
    seen = await looked(serving)
    assert seen.drift != "token"
    assert machine.id in seen.found[0]

    assert await again(serving, drift=seen.drift) == ledger

    assert (await serving.ask())["FLY_MACHINE_ID"] == machine.id
    after = await looked(serving)
    assert (after.drift, after.found) == (seen.drift, ())


async def test_a_machine_that_was_edited_is_replaced_by_a_release(serving: Deployment) -> None:
    """Its environment was changed by hand: the next up brings the release's own back."""
    (machine,) = (await serving.state()).machines
    await serving.edit(machine.id, GREETING="by hand")
    seen = await looked(serving)
    assert seen.found == (f"{machine.name} ({machine.id}) was edited",)

    ledger = await again(serving, drift=seen.drift)

    assert [r.version for r in ledger.releases] == [1, 2]
    assert (await serving.ask()).get("GREETING") != "by hand"
    assert (await looked(serving)).found == ()


@pytest.mark.parametrize("values", [{"KEY": "by hand"}, {"KEY": None}, {"OTHER": "by hand"}])
async def test_secrets_that_were_changed_are_set_again(
    serving: Deployment, values: dict[str, str | None]
) -> None:
    """The running machines keep theirs; one that restarts gets the release's own."""
    (machine,) = (await serving.state()).machines
    ledger = serving.ledger
    await serving.fly.set_secrets(APP, values)
    seen = await looked(serving)
    assert seen.found == ("secrets of the app are not those of v1",)

    assert await again(serving, drift=seen.drift) == ledger

    await serving.restart(machine.id)
    assert (await serving.ask())["KEY"] == "first"
    assert (await looked(serving)).found == ()


async def test_an_address_that_was_released_comes_back(serving: Deployment) -> None:
    """Without its public address no user would reach the app."""
    await serving.release_address(":")
    seen = await looked(serving)
    assert seen.found == ("the app has no public IPv6 address",)

    await serving.create_app()

    assert (await looked(serving)).found == ()


async def test_a_machine_that_was_destroyed_is_replaced_by_a_release(serving: Deployment) -> None:
    """The manifest is the same, so it is a new release of it."""
    (machine,) = (await serving.state()).machines
    await serving.fly.destroy(APP, machine.id)
    seen = await looked(serving)
    assert seen.found == ("no machine of a release is left",)

    ledger = await again(serving, drift=seen.drift)

    assert [r.version for r in ledger.releases] == [1, 2]
    assert (await looked(serving)).found == ()


async def test_a_standby_that_serves_again_is_put_right(serving: Deployment) -> None:
    """The former release's machine was started and uncordoned: two releases would answer."""
    await serving.release({"KEY": "first"}, drift="two", env={"GREETING": "two"})
    (standby,) = (await serving.state()).of(1)
    await serving.fly.start(APP, standby.id)
    await serving.fly.wait(APP, standby.id, "started", 10)
    await serving.fly.uncordon(APP, standby.id)

    seen = await looked(serving)
    assert len(seen.found) == 1
    assert standby.id in seen.found[0]
    await serving.release({"KEY": "first"}, drift=seen.drift, env={"GREETING": "two"})

    assert not any(m.serves for m in (await serving.state()).of(1))
    assert (await looked(serving)).found == ()


async def test_a_rotated_secret_is_not_restored(serving: Deployment) -> None:
    """Its former value is void: the rollback keeps the present one, says so, and is repeatable."""
    await serving.release({"KEY": "second"}, env={"GREETING": "two"})

    ledger = await serving.pin(1, kept={"KEY": "second"})

    answer = await serving.ask()
    assert (answer["GREETING"], answer["KEY"]) == ("hello", "second")
    texts = [event.text for event in journal.read(journal_path(serving.root, APP))]
    assert "not restored, as they are now: KEY" in texts
    assert not any("second" in text for text in texts)
    assert await serving.pin(1, kept={"KEY": "second"}) == ledger


async def test_an_attached_secret_stays_with_a_release_that_had_none(serving: Deployment) -> None:
    """It belongs to what is there now: limits are carried back from the Redis that it names."""
    await serving.release({"KEY": "first", "REDIS_URL": "the-url"}, env={"GREETING": "two"})

    ledger = await serving.pin(1, kept={"REDIS_URL": "the-url"}, attached=("REDIS_URL",))

    assert ledger.current_secrets == {"KEY": "first", "REDIS_URL": "the-url"}
    assert (await serving.ask())["GREETING"] == "hello"
    assert {s.name for s in await serving.fly.secrets(APP)} >= {"KEY", "REDIS_URL"}
    again = await serving.pin(1, kept={"REDIS_URL": "the-url"}, attached=("REDIS_URL",))
    assert again == ledger


async def test_a_pin_brings_code_environment_and_secrets_back(serving: Deployment) -> None:
    """All of the former release, as a new one that says which it was and why."""
    main = serving.root / "service" / "flygate_service" / "__main__.py"
    main.write_text(main.read_text().replace('"KEY")', '"KEY", "NEWER")'))
    await serving.release({"KEY": "second"}, env={"GREETING": "newer"})
    assert (await serving.ask()).keys() >= {"NEWER"}

    async with serving.traffic() as traffic:
        ledger = await serving.pin(1, reason="v2 is slow")

    assert traffic.failures == []
    answer = await serving.ask()
    assert (answer["GREETING"], answer["KEY"]) == ("hello", "first")
    assert "NEWER" not in answer
    current = ledger.current
    assert current is not None
    assert (current.version, current.rollback_of, current.reason) == (3, 1, "v2 is slow")
    assert current.manifest_id == ledger.releases[0].manifest_id
    # Only one former release is kept as standby: v1's own machine has gone.
    assert sorted({m.release for m in (await serving.state()).machines}) == [2, 3]
    assert await serving.pin(1, reason="v2 is slow") == ledger


async def test_a_pin_to_what_is_forgotten_changes_nothing(serving: Deployment) -> None:
    """The ledger keeps ten releases."""
    request = ReleaseRequest(app=APP, content=Pin(version="v9", manifest="unknown"))
    before = await serving.fingerprint()

    with pytest.raises(LedgerError, match="pinned to manifest unknown"):
        await release_op.release(request, {}, Recovered(serving.ledger), serving.site())

    assert await serving.fingerprint() == before


async def test_secrets_that_are_not_those_of_the_manifest_are_refused(shop: Deployment) -> None:
    """The message has their names, not their values."""
    request = ReleaseRequest(app=APP, content=shop.manifest(("A", "B")), source=("service",))

    values = {"A": "canary", "C": "canary"}

    with pytest.raises(ConfigError, match=r"\['B', 'C'\]") as error:
        await release_op.release(request, values, Recovered(Ledger()), shop.site())

    assert "canary" not in str(error.value)


async def test_a_source_that_changes_meanwhile_is_not_released(serving: Deployment) -> None:
    """What runs must be what the plan showed."""
    wanted = serving.manifest(image=f"registry.fly.io/{APP}@sha256:{'1' * 64}")
    request = ReleaseRequest(app=APP, content=wanted, source=("service",))

    with pytest.raises(ImageError, match="source changed while Pulumi ran"):
        await release_op.release(request, {}, Recovered(serving.ledger), serving.site())


async def test_an_image_that_no_registry_has_is_named(serving: Deployment) -> None:
    """An image by digest is not packed from the checkout."""
    digest = f"sha256:{'2' * 64}"
    wanted = serving.manifest(image=f"registry.fly.io/{APP}@{digest}")

    with pytest.raises(ImageError, match=f"no image {digest}"):
        await release_op.release(
            ReleaseRequest(app=APP, content=wanted), {}, Recovered(Ledger()), serving.site()
        )


async def test_who_deploys_at_the_same_time_is_refused(
    serving: Deployment, other: FlyClient
) -> None:
    """With the holder's own words; nothing was changed."""
    (machine,) = (await serving.state()).machines
    await other.acquire_lease(APP, machine.id, 60, "flygate v2 by bob@ci: hotfix")
    before = await serving.fingerprint()

    with pytest.raises(
        LockHeldError, match=r"flygate v2 by bob@ci: hotfix.*Nothing was changed"
    ) as no:
        await serving.release(env={"GREETING": "mine"})

    assert no.value.exit_code == 3
    assert await serving.fingerprint() == before


async def test_what_changed_while_it_waited_for_the_lock_is_seen(
    serving: Deployment, other: FlyClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plan is made of what there is when the lock is held, not of what there was before."""
    monkeypatch.setattr(lock, "RETRY_SECONDS", 0.05)
    (machine,) = (await serving.state()).machines
    await other.acquire_lease(APP, machine.id, 60, "bob")
    path = journal_path(serving.root, APP)

    patient = {"orders": Orders(wait_seconds=30)}
    waiting = asyncio.create_task(serving.release(env={"GREETING": "mine"}, how=patient))
    while not any("for bob" in event.text for event in journal.read(path)):
        await asyncio.wait([waiting], timeout=0.01)
    await other.cordon(APP, machine.id)
    await other.stop(APP, machine.id)
    await other.wait(APP, machine.id, "stopped", 10)
    await other.release_lease(APP, machine.id)
    await waiting

    assert "revive v1-iad-1" in [event.text for event in journal.read(path)]


class Killed(BaseException):
    """The process is gone: nothing is restored, nothing is said."""


def dies_at(kind: str, stage: str) -> Callable[[Journal, str, str, str, str], None]:
    """A journal's `write` in a process that dies after an event, and so for ever after."""
    write = Journal.write
    dead = False

    def until_then(
        self: Journal, found: journal.Kind, where: str, text: str, *rest: Any, **more: Any
    ) -> None:
        nonlocal dead
        if dead:
            raise Killed
        write(self, found, where, text, *rest, **more)
        if (found, where) == (kind, stage):
            dead = True
            raise Killed

    return until_then  # type: ignore[return-value]


async def test_the_former_release_is_well_before_the_dead_one_goes(
    shop: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes its time to start, and until then only the dead rollout's machines serve."""
    slow = {"FAULT": "slow", "SLOW_SECONDS": "0.7"}
    await shop.release(env=slow)
    with monkeypatch.context() as doomed:
        doomed.setattr(Journal, "write", dies_at("done", "retire"))
        with pytest.raises(Killed):
            await shop.release(env=HELLO)
    shop.fly.leases.clear()  # the nonces died with the process

    async with shop.traffic() as traffic:
        ledger = await shop.release(env=slow)

    assert traffic.failures == []
    assert traffic.releases == ["v2", "v1"]
    assert [r.name for r in ledger.releases] == ["v1"]


async def breaks(shop: Deployment) -> None:
    """The machine of v1 is stopped, and will not be well again."""
    (machine,) = (await shop.state()).machines
    await shop.edit(machine.id, FAULT="sick")
    await shop.fly.stop(APP, machine.id)
    await shop.fly.wait(APP, machine.id, "stopped", 10)


async def test_a_former_release_that_is_broken_does_not_stop_the_next(shop: Deployment) -> None:
    """The new release is the remedy."""
    await shop.release(env=HELLO)
    await breaks(shop)

    await shop.release({"FAULT": ""}, env={"GREETING": "repaired"})

    assert (await shop.ask())["GREETING"] == "repaired"


async def test_a_repair_that_does_not_help_becomes_a_release(shop: Deployment) -> None:
    """The same manifest on new machines, rather than a ledger that says all is well."""
    await shop.release(env=HELLO)
    await breaks(shop)

    ledger = await shop.release(env=HELLO)

    assert [r.version for r in ledger.releases] == [1, 2]
    assert (await shop.ask())["FLYGATE_RELEASE"] == "v2"


async def test_a_worker_is_released_though_it_can_not_be_asked(shop: Deployment) -> None:
    """It has no service; that it stays up is what is proved of it, and a crash is taken back."""
    idle = "python -c 'import time; time.sleep(1e6)'"
    await shop.release(config=config_of({"processes": {"worker": idle}, "kill_timeout": 1}))

    crashing = config_of({"processes": {"worker": "python -c 'exit(3)'"}})
    gates = Gates(wait="2s", uptime="1s", drain="0s")
    with pytest.raises(RolloutRestoredError, match="v1 serves as before"):
        await shop.release(config=crashing, gates=gates)

    (machine,) = await shop.fly.machines(APP)
    assert machine.state == "started"
    assert machine.metadata["fly_process_group"] == "worker"


async def test_a_service_is_asked_where_the_file_has_it(shop: Deployment) -> None:
    """On its own port, though it is not the first service; smoke and proxy both find it."""
    database = {"internal_port": 5432, "protocol": "tcp", "ports": [{"port": 5432}]}
    web = {"internal_port": 8000, "ports": [{"port": 443, "handlers": ["tls", "http"]}]}
    file = {"env": {"PORT": "8000"}, "services": [database, web], "kill_timeout": 5}

    ledger = await shop.release(config=config_of(file))

    assert [r.version for r in ledger.releases] == [1]
    assert (await shop.ask())["FLYGATE_RELEASE"] == "v1"


async def test_a_former_machine_that_is_still_stopping_is_waited_for(shop: Deployment) -> None:
    """A process that died while it retired it leaves it so; Fly refuses to start it just then."""
    config = config_of(
        {"kill_timeout": 1, "kill_signal": "SIGTERM", "http_service": {"internal_port": 8080}},
        {"env": {"FAULT": "stubborn"}},
    )
    gates = shop.manifest().gates.model_copy(update={"restart": False})
    await shop.release(config=config, gates=gates)
    (machine,) = (await shop.state()).machines
    await shop.fly.cordon(APP, machine.id)
    await shop.fly.stop(APP, machine.id)
    assert (await shop.state()).machines[0].state == "stopping"

    await shop.release(config=config, gates=gates)

    assert (await shop.ask())["FLY_MACHINE_ID"] == machine.id


async def test_without_its_ledger_an_app_goes_on_serving(serving: Deployment) -> None:
    """Pulumi's state was lost, or the app is adopted: what serves is the former release."""
    await serving.release({"KEY": "first"}, env={"GREETING": "two"})
    serving.ledger = Ledger()

    async with serving.traffic() as traffic:
        ledger = await serving.release({"KEY": "first"}, env={"GREETING": "three"})

    assert traffic.failures == []
    assert traffic.releases == ["v2", "v3"]
    assert [(r.name, bool(r.rebuilt)) for r in ledger.releases] == [("v2", True), ("v3", False)]


async def test_without_its_ledger_a_failure_leaves_what_served(serving: Deployment) -> None:
    """The way back does not need the ledger."""
    serving.ledger = Ledger()

    async with serving.traffic() as traffic:
        with pytest.raises(RolloutRestoredError, match="v1 serves as before"):
            await serving.release({"KEY": "first"}, env={"FAULT": "crash"})

    assert traffic.failures == []
    assert [m.release for m in (await serving.state()).machines] == [1]


async def test_removal_takes_the_machines_of_releases_and_no_others(serving: Deployment) -> None:
    """Also those of a dead rollout; twice is fine."""
    foreign = await serving.machine("foreign")
    request = ReleaseRequest(app=APP, content=serving.manifest())

    for _ in range(2):
        await remove_release(request, "", serving.fly, Checkpoint, OPEN)

    assert [m.id for m in await serving.fly.machines(APP)] == [foreign]


async def test_removal_without_an_app_is_fine(fly: FlyClient, checkout: Path) -> None:
    """The app's own removal may have come first."""
    deployment = Deployment(fly, checkout)

    request = ReleaseRequest(app=APP, content=deployment.manifest())
    await remove_release(request, "", fly, Checkpoint, OPEN)


async def test_the_real_service_passes_its_own_smoke_check(shop: Deployment) -> None:
    """The image of this very project: it starts, is healthy, and its limiter limits."""
    packed = packed_image.pack(PROJECT, SERVICE)
    await shop.fly.push_image(packed.digest, packed.archive)

    ledger = await shop.release(image=packed.reference(APP))

    assert ledger.current is not None
    assert ledger.current.seconds < 20


def test_a_request_has_a_manifest_or_a_pin() -> None:
    """Not both, not none."""
    with pytest.raises(ValueError, match="exactly one of manifest and pin"):
        ReleaseRequest.model_validate({"app": APP})


@pytest.mark.parametrize(
    ("field", "content"),
    [
        ("manifest", manifest()),
        ("pin", Pin(version="v7", manifest="good")),
    ],
)
def test_a_request_keeps_its_form_in_json(field: str, content: Manifest | Pin) -> None:
    """The state of a stack has it in the field `manifest` or `pin`, and must not differ."""
    request = ReleaseRequest(app=APP, content=content)

    fields = request.model_dump(mode="json")

    assert fields[field] == content.model_dump(mode="json")
    assert {"manifest", "pin", "content"} & fields.keys() == {field}
    assert ReleaseRequest.model_validate_json(request.model_dump_json()) == request
