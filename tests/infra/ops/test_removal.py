"""A delete destroys only what it owns: after a replacement, by another stack, and at the end."""

from __future__ import annotations

import pytest

from infra.checkpoint import Checkpoint, Resource
from infra.ops.app import AppRequest
from infra.ops.removal import remove_app, remove_release
from infra.ops.request import ReleaseRequest
from infra.rollout.ledger import Ledger
from tests.infra.deployment import APP, Deployment

pytestmark = pytest.mark.integration

OURS, THEIRS = "acme/flygate/prod#0123abcd", "acme/flygate/copy#ffffffff"
URN = "urn:pulumi:prod::flygate::flygate:fly:{0}$command:local:Command::{1}"


async def released(shop: Deployment, owner: str = OURS, tenure: str = "one") -> ReleaseRequest:
    """A release whose machines carry a label and a tenure; the request of its resource."""
    shop.owner = owner
    shop.ledger = shop.ledger.model_copy(update={"tenure": tenure})
    await shop.release()
    return ReleaseRequest(app=APP, manifest=shop.manifest(), owner=owner)


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
    await remove_release(request, former, shop.fly, Checkpoint)
    assert await machines(shop) == 1

    await remove_app(AppRequest(app=APP, org="personal", owner=OURS), shop.fly, Checkpoint)
    assert await shop.fly.app(APP)


async def test_a_destroy_removes_all_of_its_own(shop: Deployment) -> None:
    """Standby machines of an earlier tenure, too; twice is fine."""
    await released(shop, tenure="original")
    shop.ledger = shop.ledger.model_copy(update={"tenure": "successor"})
    await shop.release(env={"GREETING": "two"})
    assert await machines(shop) == 2
    request = ReleaseRequest(app=APP, manifest=shop.manifest(), owner=OURS)

    for _ in range(2):
        await remove_release(request, shop.ledger.dumps(), shop.fly, Checkpoint)
        await remove_app(AppRequest(app=APP, org="personal", owner=OURS), shop.fly, Checkpoint)

    assert await shop.fly.app(APP) is None


async def test_another_stack_destroys_nothing(shop: Deployment) -> None:
    """Whatever its own result says."""
    await released(shop, owner=OURS)
    theirs = ReleaseRequest(app=APP, manifest=shop.manifest(), owner=THEIRS)

    await remove_release(theirs, shop.ledger.dumps(), shop.fly, Checkpoint)
    await remove_app(AppRequest(app=APP, org="personal", owner=THEIRS), shop.fly, Checkpoint)

    assert await machines(shop) == 1
    assert (await shop.ask())["FLYGATE_RELEASE"] == "v1"


@pytest.mark.parametrize("former", ["", "nonsense", '{"schema": 1, "releases": []}'])
async def test_where_the_result_says_nothing_pulumi_s_state_decides(
    shop: Deployment, former: str
) -> None:
    """Of Flygate 0.1, or unreadable: a twin in the state is a successor."""
    request = await released(shop)

    await remove_release(request, former, shop.fly, lambda: twins("Release"))
    assert await machines(shop) == 1

    await remove_release(request, former, shop.fly, Checkpoint)
    assert await machines(shop) == 0


async def test_an_app_without_machines_is_its_successor_s_too(shop: Deployment) -> None:
    """Its addresses would not come back."""
    request = AppRequest(app=APP, org="personal", owner=OURS)

    await remove_app(request, shop.fly, lambda: twins("App"))
    assert len(await shop.fly.ips(APP)) == 2

    await remove_app(request, shop.fly, Checkpoint)
    assert await shop.fly.app(APP) is None
