"""A delete destroys only what it owns: after a replacement, by another stack, and at the end."""

from __future__ import annotations

from pathlib import Path

import pytest
from flygate.commands.app import AppRequest
from flygate.commands.removal import Protection, remove_app, remove_release
from flygate.commands.request import ReleaseRequest
from flygate.pulumi.checkpoint import Checkpoint, Resource
from flygate.record.ledger import Ledger
from flygate.system.errors import ConfigError

from tests.infra.builders import OPEN
from tests.infra.deployment import APP, Deployment

pytestmark = pytest.mark.integration

OURS, THEIRS = "acme/flygate/prod#0123abcd", "acme/flygate/copy#ffffffff"
WHOLE = AppRequest(app=APP, org="personal", owner=OURS)
URN = "urn:pulumi:prod::flygate::flygate:fly:{0}$command:local:Command::{1}"


async def released(shop: Deployment, owner: str = OURS, tenure: str = "one") -> ReleaseRequest:
    """A release whose machines carry a label and a tenure; the request of its resource."""
    shop.owner = owner
    shop.ledger = shop.ledger.model_copy(update={"tenure": tenure})
    await shop.release()
    return ReleaseRequest(app=APP, content=shop.manifest(), owner=owner)


def twins(kind: str) -> Checkpoint:
    """A state in which a resource waits for its delete, beside its replacement."""
    urn = URN.format(kind, "any")
    command = "command:local:Command"
    return Checkpoint((Resource(urn, command, {}), Resource(urn, command, {}, is_replaced=True)))


async def machines(shop: Deployment) -> int:
    """How many machines there are."""
    return len(await shop.fly.machines(APP))


async def test_the_original_leaves_what_its_successor_released(shop: Deployment) -> None:
    """Its own result has another tenure than the machines that serve."""
    request = await released(shop, tenure="successor")

    former = Ledger(tenure="original", app=APP).dumps()
    await remove_release(request, former, shop.fly, Checkpoint, OPEN)
    assert await machines(shop) == 1

    await remove_app(WHOLE, shop.fly, Checkpoint, OPEN)
    assert await shop.fly.app(APP)


async def test_a_destroy_removes_all_of_its_own(shop: Deployment) -> None:
    """Standby machines of an earlier tenure, too; twice is fine."""
    await released(shop, tenure="original")
    shop.ledger = shop.ledger.model_copy(update={"tenure": "successor"})
    await shop.release(env={"GREETING": "two"})
    assert await machines(shop) == 2
    request = ReleaseRequest(app=APP, content=shop.manifest(), owner=OURS)

    for _ in range(2):
        await remove_release(request, shop.ledger.dumps(), shop.fly, Checkpoint, OPEN)
        await remove_app(WHOLE, shop.fly, Checkpoint, OPEN)

    assert await shop.fly.app(APP) is None


async def test_another_stack_destroys_nothing(shop: Deployment) -> None:
    """Whatever its own result says."""
    await released(shop, owner=OURS)
    theirs = ReleaseRequest(app=APP, content=shop.manifest(), owner=THEIRS)

    await remove_release(theirs, shop.ledger.dumps(), shop.fly, Checkpoint, OPEN)
    await remove_app(WHOLE.model_copy(update={"owner": THEIRS}), shop.fly, Checkpoint, OPEN)

    assert await machines(shop) == 1
    assert (await shop.ask())["FLYGATE_RELEASE"] == "v1"


@pytest.mark.parametrize("former", ["", "nonsense", '{"schema": 1, "releases": []}'])
async def test_where_the_result_says_nothing_pulumi_s_state_decides(
    shop: Deployment, former: str
) -> None:
    """Of Flygate 0.1, or unreadable: a twin in the state is a successor."""
    request = await released(shop)

    await remove_release(request, former, shop.fly, lambda: twins("Release"), OPEN)
    assert await machines(shop) == 1

    await remove_release(request, former, shop.fly, Checkpoint, OPEN)
    assert await machines(shop) == 0


async def test_an_app_without_machines_is_its_successor_s_too(shop: Deployment) -> None:
    """Its addresses would not come back."""
    request = WHOLE

    await remove_app(request, shop.fly, lambda: twins("App"), OPEN)
    assert len(await shop.fly.ips(APP)) == 2

    await remove_app(request, shop.fly, Checkpoint, OPEN)
    assert await shop.fly.app(APP) is None


@pytest.mark.parametrize("said", ["true", '"true"'])
async def test_what_the_stack_s_file_protects_is_not_destroyed(
    shop: Deployment, tmp_path: Path, said: str
) -> None:
    """From the moment it is set: Pulumi itself learns of it with the next deployment only."""
    request = await released(shop)
    (tmp_path / "Pulumi.prod.yaml").write_text(f"config:\n  flygate:protect: {said}\n")
    protection = Protection(tmp_path)

    with pytest.raises(ConfigError, match="pulumi config set protect false --stack prod"):
        await remove_release(request, shop.ledger.dumps(), shop.fly, Checkpoint, protection)
    assert await machines(shop) == 1

    await remove_release(request, shop.ledger.dumps(), shop.fly, Checkpoint, OPEN)
    with pytest.raises(ConfigError, match="the app shop stays"):
        await remove_app(WHOLE, shop.fly, Checkpoint, protection)
    (tmp_path / "Pulumi.prod.yaml").write_text("config:\n  flygate:protect: false\n")
    await remove_app(WHOLE, shop.fly, Checkpoint, protection)
    assert await shop.fly.app(APP) is None


async def test_a_protected_stack_s_replaced_resource_can_be_deleted(
    shop: Deployment, tmp_path: Path
) -> None:
    """It destroys nothing, so there is nothing to refuse."""
    request = await released(shop, tenure="successor")
    (tmp_path / "Pulumi.prod.yaml").write_text("config:\n  flygate:protect: true\n")

    former = Ledger(tenure="original", app=APP).dumps()
    await remove_release(request, former, shop.fly, Checkpoint, Protection(tmp_path))

    assert await machines(shop) == 1


async def test_volumes_stay_unless_they_are_named_by_an_order(shop: Deployment) -> None:
    """Neither the machines nor the app go without them; the refusal names each, and a command."""
    request = await released(shop)
    volume = await shop.fly.volumes.create(APP, name="data", region="iad", size_gb=2)

    ledger = shop.ledger.dumps()
    refusal = rf"data \({volume.id}, 2 GB in iad\).*`flygate destroy prod --volumes`"
    with pytest.raises(ConfigError, match=refusal):
        await remove_release(request, ledger, shop.fly, Checkpoint, OPEN)
    other = Protection(OPEN.root, "another-app")
    with pytest.raises(ConfigError, match="Nothing was changed"):
        await remove_release(request, ledger, shop.fly, Checkpoint, other)
    assert await machines(shop) == 1

    ordered = Protection(OPEN.root, APP)
    await remove_release(request, ledger, shop.fly, Checkpoint, ordered)
    with pytest.raises(ConfigError, match="data"):
        await remove_app(WHOLE, shop.fly, Checkpoint, OPEN)
    await remove_app(WHOLE, shop.fly, Checkpoint, ordered)
    assert await shop.fly.app(APP) is None
