"""Volumes of a Fly that answers for real: made once, whatever gets lost."""

from __future__ import annotations

from typing import Any

import pytest
from flygate.fly.client import FlyClient
from flygate.fly.errors import InvalidRequestError, NotFoundError

from tests.infra.deployment import APP, Deployment
from tests.infra.fly.lossy import Loses, MakeClient, Matches

pytestmark = pytest.mark.integration

DATA: dict[str, Any] = {"name": "data", "region": "iad", "size_gb": 2}


def changes(path: str) -> Matches:
    """The changes of what is at a path."""
    return lambda request: request.method == "POST" and request.url.path.endswith(path)


async def test_a_volume_is_as_it_was_asked_for(shop: Deployment) -> None:
    """Name, region, size, snapshots; and no machine has it."""
    made = await shop.fly.volumes.create(
        APP, **DATA, snapshot_retention=9, scheduled_snapshots=False
    )

    assert await shop.fly.volumes.list(APP) == [made]
    assert (made.name, made.region, made.size_gb) == ("data", "iad", 2)
    assert (made.snapshot_retention, made.auto_backup_enabled) == (9, False)
    assert made.is_free
    assert made.label == f"data ({made.id}, 2 GB in iad)"


async def test_two_of_a_name_are_two(shop: Deployment) -> None:
    """A name is no key: each machine of a group has one of that name."""
    first = await shop.fly.volumes.create(APP, **DATA)
    second = await shop.fly.volumes.create(APP, **DATA)

    assert {one.id for one in await shop.fly.volumes.list(APP)} == {first.id, second.id}


@pytest.mark.parametrize("arrives", [True, False])
async def test_a_lost_answer_makes_one_volume(
    shop: Deployment, lossy: MakeClient, arrives: bool
) -> None:
    """Never taken for one of its name that was there; one that never arrived is asked for again."""
    before = await shop.fly.volumes.create(APP, **DATA)
    transport = Loses(changes("/volumes"), arrives=arrives)

    made = await lossy(transport).volumes.create(APP, **DATA)

    assert {one.id for one in await shop.fly.volumes.list(APP)} == {before.id, made.id}
    assert made.id != before.id
    assert transport.asked == (1 if arrives else 2)


async def test_what_fly_does_not_have_is_refused(shop: Deployment) -> None:
    """A region, and an app."""
    with pytest.raises(InvalidRequestError, match="region"):
        await shop.fly.volumes.create(APP, **{**DATA, "region": "moon"})
    with pytest.raises(NotFoundError):
        await shop.fly.volumes.list("nowhere")


async def test_a_guard_is_asked_before_a_volume_is_made(shop: Deployment) -> None:
    """A rollout that has lost its lease makes nothing any more."""

    async def fence() -> None:
        raise InterruptedError

    shop.fly.guard_changes(fence)
    with pytest.raises(InterruptedError):
        await shop.fly.volumes.create(APP, **DATA)
    shop.fly.guard_changes(None)

    assert await shop.fly.volumes.list(APP) == []


@pytest.fixture
async def machine(shop: Deployment) -> tuple[str, dict[str, Any], str]:
    """One with a volume, that runs: its id, its config, and its volume's id."""
    await shop.push_image()
    volume = await shop.fly.volumes.create(APP, **DATA)
    wanted = shop.manifest()
    config = {
        **wanted.config,
        "image": wanted.image,
        "metadata": {"colour": "green"},
        "mounts": [{"volume": volume.id, "path": "/data"}],
    }
    made = await shop.fly.create_machine(APP, {"name": "one", "region": "iad", "config": config})
    await shop.fly.wait(APP, made.id, "started", 10)
    return made.id, config, volume.id


async def test_an_update_replaces_the_config_on_the_same_volume(
    shop: Deployment, machine: tuple[str, dict[str, Any], str]
) -> None:
    """What the new config leaves out is gone; the machine and its disk are those of before."""
    machine_id, config, volume = machine
    before = await shop.fly.machine(APP, machine_id)

    updated = {**config, "metadata": {"shape": "round"}, "env": {"GREETING": "two"}}
    await shop.fly.update_machine(APP, machine_id, {"config": updated})

    after = await shop.fly.machine(APP, machine_id)
    assert (after.id, after.name, after.region) == (before.id, "one", "iad")
    assert after.instance_id != before.instance_id
    assert after.metadata == {"shape": "round"}
    assert (await shop.fly.machine_config(APP, machine_id))["env"] == {"GREETING": "two"}
    (found,) = await shop.fly.volumes.list(APP)
    assert (found.id, found.attached_machine_id) == (volume, machine_id)
    assert not found.is_free


@pytest.mark.parametrize("arrives", [True, False])
async def test_a_lost_answer_updates_once(
    shop: Deployment,
    lossy: MakeClient,
    machine: tuple[str, dict[str, Any], str],
    arrives: bool,
) -> None:
    """A second update would restart the machine again."""
    machine_id, config, _ = machine
    transport = Loses(changes(f"/machines/{machine_id}"), arrives=arrives)

    updated = {**config, "metadata": {"colour": "blue"}}
    made = await lossy(transport).update_machine(APP, machine_id, {"config": updated})

    assert transport.asked == (1 if arrives else 2)
    assert made.metadata == {"colour": "blue"}
    assert (await shop.fly.machine(APP, machine_id)).instance_id == made.instance_id


async def test_an_update_carries_the_lease(
    shop: Deployment, fly: FlyClient, machine: tuple[str, dict[str, Any], str]
) -> None:
    """A machine that is held is changed by its holder alone."""
    machine_id, config, _ = machine
    await fly.acquire_lease(APP, machine_id, 30, "rollout of v2 by ann")

    updated = {**config, "metadata": {"colour": "blue"}}
    await fly.update_machine(APP, machine_id, {"config": updated})

    assert (await shop.fly.machine(APP, machine_id)).metadata == {"colour": "blue"}


async def test_a_destroyed_machine_leaves_its_volume_and_an_app_takes_it_along(
    shop: Deployment, machine: tuple[str, dict[str, Any], str]
) -> None:
    """The disk is free then; only the app's end ends it."""
    machine_id, _, volume = machine

    await shop.fly.destroy(APP, machine_id)
    (left,) = await shop.fly.volumes.list(APP)
    assert (left.id, left.is_free) == (volume, True)

    await shop.fly.delete_app(APP)
    await shop.create_app()
    assert await shop.fly.volumes.list(APP) == []
