"""`flygate op redis`: create or adopt, change what can be changed, and never lose anything."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flygate.commands import redis as redis_op
from flygate.commands.inspection import Inspection, InspectionRequest, inspect
from flygate.commands.redis import RedisRequest
from flygate.commands.removal import remove_redis
from flygate.config.redis import URL
from flygate.fly.client import FlyClient
from flygate.fly.redis import RedisSpec
from flygate.program.redis_plan import reminder
from flygate.pulumi.checkpoint import Checkpoint
from flygate.system.errors import ConfigError, OwnerError

from tests.infra.builders import OPEN
from tests.infra.deployment import APP, Deployment

pytestmark = pytest.mark.integration

SPEC = RedisSpec("shop-redis", "personal", "fixed_250mb", "iad")
REQUEST = RedisRequest(app=APP, wish=SPEC)


async def observed(fly: FlyClient, *, needs: bool = False) -> Inspection:
    return await inspect(InspectionRequest(app=APP, redis=SPEC.name, needs_redis=needs), fly)


async def test_a_redis_is_made_once(fly: FlyClient, capsys: pytest.CaptureFixture[str]) -> None:
    """The second run finds it as it is; neither says its URL for all to read."""
    first = await redis_op.ensure(REQUEST, fly)
    second = await redis_op.ensure(REQUEST, fly)

    shown = first.model_dump(include=redis_op.RESULT)
    assert shown == second.model_dump(include=redis_op.RESULT)
    assert first.url.startswith("redis://default:")
    said = capsys.readouterr()
    assert said.err == "the Redis shop-redis is made: fixed_250mb in iad\n"
    assert first.url not in said.out + said.err


async def test_a_redis_that_is_there_is_adopted_and_changed(fly: FlyClient) -> None:
    """Made by hand, or by a create that failed half-way: the same one, with what is wanted now."""
    made = await fly.redis.create(SPEC)
    spec = replace(SPEC, plan="fixed_1gb", read_regions=("fra",), evicts=True)

    result = await redis_op.ensure(RedisRequest(app=APP, wish=spec), fly)

    found = await fly.redis.find(SPEC.name)
    assert found is not None
    assert (found.id, found.url) == (made.id, result.url)
    assert (found.plan, found.read_regions, found.evicts) == ("fixed_1gb", ("fra",), True)


async def test_a_redis_of_another_stack_is_left_alone(fly: FlyClient) -> None:
    """A copied configuration names it: neither an update nor a destroy of the copy touches it."""
    ours = RedisRequest(app=APP, wish=SPEC, owner="acme/flygate/prod#0123abcd")
    made = await redis_op.ensure(ours, fly)
    spec = replace(SPEC, plan="fixed_1gb")
    copy = RedisRequest(app="copy", wish=spec, owner="acme/flygate/copy#ffffffff")

    with pytest.raises(OwnerError, match=r"belongs to the stack acme/flygate/prod.*redis\.name"):
        await redis_op.ensure(copy, fly)
    with pytest.raises(OwnerError, match="belongs to the stack acme/flygate/prod"):
        await inspect(
            InspectionRequest(app="copy", redis=SPEC.name, needs_redis=True, owner=copy.owner), fly
        )
    await remove_redis(copy, fly, Checkpoint, OPEN)

    found = await fly.redis.find(SPEC.name)
    assert found is not None
    assert (found.url, found.plan, found.owner) == (made.url, "fixed_250mb", ours.owner)
    # With the owner's name in its configuration the other stack takes it.
    await redis_op.ensure(copy.model_copy(update={"takeover": ours.owner}), fly)
    taken = await fly.redis.find(SPEC.name)
    assert taken is not None
    assert (taken.id, taken.plan, taken.owner) == (found.id, "fixed_1gb", copy.owner)
    await remove_redis(ours, fly, Checkpoint, OPEN)
    assert await fly.redis.find(SPEC.name) == taken


async def test_a_redis_that_a_url_of_ones_own_left_is_reminded_of(fly: FlyClient) -> None:
    """It costs money; another stack's is none of our business, and one that is gone is none."""
    ours = REQUEST.model_copy(update={"owner": "acme/flygate/prod#0123abcd"})
    await redis_op.ensure(ours, fly)

    async def left(owner: str) -> str:
        found = (await inspect(InspectionRequest(app=APP, left=SPEC.name, owner=owner), fly)).left
        return reminder(found, "prod") if found else ""

    assert await left(ours.owner) == (
        "Redis shop-redis stays, with all that is in it, and costs $10.00 a month; `flygate redis "
        "destroy prod` removes it"
    )
    assert await left("acme/flygate/copy#76543210") == ""
    await fly.redis.delete(SPEC.name)
    assert await left(ours.owner) == ""


async def test_a_redis_can_not_move(fly: FlyClient, capsys: pytest.CaptureFixture[str]) -> None:
    """Another first region is said to be impossible, and loses nothing."""
    made = await fly.redis.create(SPEC)

    result = await redis_op.ensure(RedisRequest(app=APP, wish=replace(SPEC, region="fra")), fly)

    assert (result.region, result.url) == ("iad", made.url)
    assert "stays in iad: Fly can't move one to fra" in capsys.readouterr().err


async def test_a_redis_of_another_name_is_not_forgotten(
    fly: FlyClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """A new name makes a new one; the former is named: it holds data, and costs money."""
    former = await redis_op.ensure(REQUEST, fly)
    request = RedisRequest(app=APP, wish=replace(SPEC, name="other"))

    renamed = await redis_op.ensure(request, fly, former.model_dump_json(include=redis_op.RESULT))
    assert renamed.url != former.url
    assert "the Redis shop-redis stays, and costs money" in capsys.readouterr().err
    await redis_op.ensure(request, fly, renamed.model_dump_json(include=redis_op.RESULT))
    assert capsys.readouterr().err == ""
    assert await fly.redis.find(SPEC.name) is not None


async def test_a_redis_of_another_organisation_is_left_alone(fly: FlyClient) -> None:
    """Its owner and the remedy are named."""
    made = await fly.redis.create(replace(SPEC, org="acme", plan="fixed_1gb"))

    with pytest.raises(ConfigError, match=r"organisation acme, not personal.*redis\.name"):
        await redis_op.ensure(REQUEST, fly)

    assert await fly.redis.find(SPEC.name) == made


async def test_a_redis_stays_while_its_app_has_machines(shop: Deployment) -> None:
    """Pulumi's state may have lost it, or the program: its data must not be lost for that."""
    fly = shop.fly
    made = await redis_op.ensure(REQUEST, fly)
    machine = await shop.machine("one")

    await remove_redis(REQUEST, fly, Checkpoint, OPEN)
    assert (await redis_op.ensure(REQUEST, fly)).url == made.url

    await fly.destroy(APP, machine)
    await remove_redis(REQUEST, fly, Checkpoint, OPEN)
    await remove_redis(REQUEST, fly, Checkpoint, OPEN)
    assert await fly.redis.find(SPEC.name) is None


async def test_a_look_sees_the_redis_that_is_attached(shop: Deployment) -> None:
    """With its URL, so that the preview knows whether the password was changed."""
    made = await redis_op.ensure(REQUEST, shop.fly)
    # Nothing has its URL yet, and nothing needs it: a token for one app must do.
    assert (await observed(shop.fly)).redis is None

    await shop.fly.set_secrets(APP, {URL: made.url})

    before = await observed(shop.fly)
    assert before.redis is not None
    assert (before.redis.url, before.redis.plan) == (made.url, "fixed_250mb")
    assert made.url not in repr(before)
    assert (await observed(shop.fly, needs=True)).redis == before.redis


async def test_a_redis_that_was_destroyed_is_drift(shop: Deployment) -> None:
    """It is logged, and makes all Commands run; one that was never made is none."""
    never = await observed(shop.fly, needs=True)
    await shop.fly.set_secrets(APP, {URL: "redis://default:password@gone:6379"})

    gone = await observed(shop.fly)

    assert "the Redis shop-redis is gone" not in never.found
    assert "the Redis shop-redis is gone" in gone.found
