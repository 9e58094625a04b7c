"""Process groups: several in one release, replaced beside each other or changed in place."""

from __future__ import annotations

from typing import Any, Final

import pytest
from flygate.commands.orders import Orders
from flygate.fly.errors import InvalidRequestError
from flygate.fly.web import open_web
from flygate.manifest import Gates, Group, Manifest, Volume
from flygate.rollout.errors import RolloutError, RolloutRestoredError
from flygate.rollout.state import LIVE

from tests.infra.deployment import APP, TOML, Deployment
from tests.infra.doomed import KilledError
from tests.support.fly_tomls import config_of

GATES: Final = Gates(wait="5s", uptime="0.5s", drain="0s", restart=False)
CRASH: Final = "python -c 'exit(3)'"


def worker(greeting: str = "", command: str = "", **fields: Any) -> Group:
    """A group that only stays up."""
    script = command or "python -c 'import time; time.sleep(1e6)'"
    config = config_of({"processes": {"worker": script}, "kill_timeout": 1})
    config["env"] = {**config["env"], "GREETING": greeting}
    return Group(
        **{"name": "worker", "config": config, "regions": ("iad",), "machines": 1, **fields}
    )


def web(greeting: str = "", **env: str) -> dict[str, Any]:
    """The config of the group that serves."""
    return config_of(TOML, {"env": {"GREETING": greeting, **env}})


def disk(greeting: str = "", **env: str) -> dict[str, Any]:
    """Changes to the manifest: what serves has a volume."""
    config = web(greeting, DATA="/data", **env)
    config["mounts"] = [{"path": "/data", "name": "data"}]
    return {"config": config, "volume": Volume(name="data"), "gates": GATES}


async def groups(shop: Deployment) -> dict[str, list[str]]:
    """The releases of the machines that serve, by group."""
    found: dict[str, list[str]] = {}
    for machine in (await shop.state()).machines:
        if machine.serves and machine.role == LIVE:
            found.setdefault(machine.group, []).append(f"v{machine.release}")
    return found


async def rows(shop: Deployment, row: str = "") -> list[str]:
    """What is on the disk of the machine that answers, after one more row."""
    async with open_web(shop.url) as client:
        answer = await client.get(f"/rows?{row}")
    answer.raise_for_status()
    found: list[str] = answer.json()["rows"]
    return found


async def test_all_groups_go_in_one_release_and_come_back_in_one(shop: Deployment) -> None:
    """Their former machines retire together, and a rollback wakes both."""
    await shop.release(config=web("one"), others=(worker("one"),), gates=GATES)
    assert await groups(shop) == {"app": ["v1"], "worker": ["v1"]}

    async with shop.traffic() as traffic:
        await shop.release(config=web("two"), others=(worker("two"),), gates=GATES)
        assert await groups(shop) == {"app": ["v2"], "worker": ["v2"]}
        await shop.pin(1)

    assert not traffic.failures
    assert await groups(shop) == {"app": ["v3"], "worker": ["v3"]}
    by_group = {m.group: m for m in (await shop.state()).machines if m.serves}
    config = await shop.fly.machine_config(APP, by_group["worker"].id)
    assert config["env"]["GREETING"] == "one"


@pytest.mark.parametrize("in_place", [False, True])
async def test_a_worker_that_does_not_stay_up_takes_all_back(
    shop: Deployment, in_place: bool
) -> None:
    """Nothing of the new release is left, whichever of its groups is the bad one."""
    good = worker("one", in_place=in_place)
    await shop.release(config=web("one"), others=(good,), gates=GATES)
    before = await groups(shop)

    bad = worker("two", command=CRASH, in_place=in_place)
    async with shop.traffic() as traffic:
        with pytest.raises(RolloutRestoredError, match="v1 serves as before"):
            await shop.release(config=web("two"), others=(bad,), gates=GATES)

    assert not traffic.failures
    assert traffic.answers[-1]["FLYGATE_RELEASE"] == "v1"
    assert await groups(shop) == before
    again = await shop.release(config=web("one"), others=(good,), gates=GATES)
    assert [r.version for r in again.releases] == [1]  # nothing is left to put right


async def test_a_bad_web_group_takes_the_workers_back(shop: Deployment) -> None:
    """The worker's new machine was well, and goes nevertheless."""
    await shop.release(config=web("one"), others=(worker("one"),), gates=GATES)

    bad = web("two", FAULT="sick")
    with pytest.raises(RolloutRestoredError, match="v1 serves as before"):
        await shop.release(config=bad, others=(worker("two"),), gates=GATES)

    assert await groups(shop) == {"app": ["v1"], "worker": ["v1"]}
    assert {m.release for m in (await shop.state()).machines} == {1}


async def test_a_group_that_must_not_run_twice_changes_in_place(shop: Deployment) -> None:
    """The same machine, the new command; a rollback changes it back."""
    cron = worker("one", in_place=True)
    await shop.release(config=web("one"), others=(cron,), gates=GATES)
    (first,) = [m for m in (await shop.state()).machines if m.group == "worker"]

    await shop.release(config=web("two"), others=(worker("two", in_place=True),), gates=GATES)

    (second,) = [m for m in (await shop.state()).machines if m.group == "worker"]
    assert (second.id, second.release, second.role) == (first.id, 2, LIVE)
    await shop.pin(1)
    (third,) = [m for m in (await shop.state()).machines if m.group == "worker"]
    config = await shop.fly.machine_config(APP, third.id)
    assert (third.id, config["env"]["GREETING"]) == (first.id, "one")


async def test_a_row_outlives_releases_failures_and_rollbacks(shop: Deployment) -> None:
    """The volume and its machine are the same through all of them."""
    await shop.release(**disk("one"))
    await rows(shop, "first")

    await shop.release(**disk("two"))
    assert await rows(shop, "second") == ["first", "second"]
    with pytest.raises(RolloutRestoredError, match="v2 serves as before"):
        await shop.release(**disk("three", FAULT="sick"))
    assert (await shop.ask())["FLYGATE_RELEASE"] == "v2"
    assert await rows(shop, "third") == ["first", "second", "third"]
    await shop.pin(1)

    assert (await shop.ask())["GREETING"] == "one"
    assert await rows(shop) == ["first", "second", "third"]
    assert len(await shop.fly.volumes.list(APP)) == 1
    assert len(await shop.fly.machines(APP)) == 1


async def test_several_machines_with_volumes_change_without_a_failed_request(
    shop: Deployment,
) -> None:
    """One after the other: those that serve take the requests of the one that changes."""
    await shop.release(**disk("one"), machines=2)

    async with shop.traffic() as traffic:
        await shop.release(**disk("two"), machines=2)
        with pytest.raises(RolloutError):
            await shop.release(**disk("three", FAULT="unwell"), machines=2)

    assert not traffic.failures
    assert traffic.releases == ["v1", "v2"]
    assert await groups(shop) == {"app": ["v2", "v2"]}


async def test_a_volume_waits_for_the_machine_that_comes_back(shop: Deployment) -> None:
    """Fewer machines leave their volumes; more take them again before new ones are made."""
    await shop.release(**disk("one"), machines=2)
    before = {volume.id for volume in await shop.fly.volumes.list(APP)}

    await shop.release(**disk("two"), machines=1)
    assert await groups(shop) == {"app": ["v2"]}
    assert {volume.id for volume in await shop.fly.volumes.list(APP)} == before
    await shop.release(**disk("three"), machines=2)

    assert await groups(shop) == {"app": ["v3", "v3"]}
    assert {volume.id for volume in await shop.fly.volumes.list(APP)} == before


async def test_what_a_dead_rollout_changed_in_place_is_aborted(shop: Deployment) -> None:
    """Another process knows the former config from the ledger."""
    await shop.release(**disk("one"))
    await rows(shop, "first")
    (machine,) = (await shop.state()).machines
    dead = await _died_after_update(shop, disk("two"))
    assert dead.release == 2

    with pytest.raises(RolloutRestoredError, match="v1 serves as before"):
        await shop.release(**disk("two"), how={"orders": Orders(abort="it was killed")})

    assert (await shop.ask())["GREETING"] == "one"
    assert await rows(shop) == ["first"]
    (back,) = (await shop.state()).machines
    assert (back.id, back.release, back.role) == (machine.id, 1, LIVE)


async def test_a_dead_rollout_in_place_is_gone_on_with(shop: Deployment) -> None:
    """The machine that it changed has the new release already, and is not changed again."""
    await shop.release(**disk("one"))
    dead = await _died_after_update(shop, disk("two"))

    await shop.release(**disk("two"))

    (machine,) = (await shop.state()).machines
    assert (machine.instance, machine.release, machine.role) == (dead.instance, 2, LIVE)
    again = await shop.release(**disk("two"))
    assert [r.version for r in again.releases] == [1, 2]


async def test_another_release_replaces_what_a_dead_one_changed(shop: Deployment) -> None:
    """The checkout went back: the machine does, too, and its data stays."""
    await shop.release(**disk("one"))
    await rows(shop, "first")
    await _died_after_update(shop, disk("two"))

    await shop.release(**disk("one"))

    assert (await shop.ask())["GREETING"] == "one"
    assert await rows(shop) == ["first"]
    assert len(await shop.fly.machines(APP)) == 1


async def test_the_manifest_is_made_again_from_what_all_groups_run(shop: Deployment) -> None:
    """The ledger is lost; what is rebuilt of it can be gone back to."""
    await shop.release(**disk("one"), others=(worker("one"),))
    was: Manifest = shop.ledger.releases[-1].manifest
    shop.ledger = shop.ledger.model_copy(update={"releases": ()})

    await shop.release(**disk("two"), others=(worker("two"),))

    rebuilt = next(r for r in shop.ledger.releases if r.version == 1).manifest
    assert (rebuilt.config, rebuilt.volume) == (was.config, was.volume)
    assert rebuilt.others == was.others


async def _died_after_update(shop: Deployment, changes: dict[str, Any]) -> Any:
    """Kill a rollout once it has changed the machine; return how that looks."""
    (before,) = (await shop.state()).machines

    def die(event: Any) -> None:
        if event.kind == "done" and event.stage.startswith("update"):
            raise KilledError

    with pytest.raises(KilledError):
        await shop.release(**changes, how={"listeners": (die,)})
    (after,) = (await shop.state()).machines
    assert after.id == before.id
    return after


async def test_a_machine_that_could_not_be_changed_is_not_restarted(
    shop: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fly refuses the update: nothing of the machine was changed, so nothing is given back."""
    await shop.release(**disk("one"))
    before = await shop.fingerprint()

    async def refused(*_: Any) -> None:
        raise InvalidRequestError("update", 400, "could not reserve resource for machine")

    monkeypatch.setattr(shop.fly, "update_machine", refused)
    async with shop.traffic() as traffic:
        with pytest.raises(RolloutRestoredError, match="v1 serves as before"):
            await shop.release(**disk("two"))

    assert not traffic.failures
    assert await shop.fingerprint() == before


async def test_a_kept_group_may_lose_its_volume_and_get_it_back(shop: Deployment) -> None:
    """Fly takes no volume off a machine: another machine comes, and a rollback changes back."""
    await shop.release(**disk("one"))
    await rows(shop, "first")
    (first,) = (await shop.state()).machines
    without: dict[str, Any] = {"config": web("two"), "in_place": True, "gates": GATES}

    async with shop.traffic() as traffic:
        await shop.release(**without)
        bad = {**disk("three", FAULT="sick"), "in_place": True}
        with pytest.raises(RolloutRestoredError, match="v2 serves as before"):
            await shop.release(**bad)
        await shop.pin(1)

    assert not traffic.failures
    assert traffic.releases[:2] == ["v1", "v2"]
    assert await groups(shop) == {"app": ["v3"]}
    assert await rows(shop) == ["first"]
    (now,) = [m for m in (await shop.state()).machines if m.serves]
    assert now.volume == first.volume
    assert len(await shop.fly.volumes.list(APP)) == 1
