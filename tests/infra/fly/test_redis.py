"""Redis databases of a Fly that answers for real: made once, whatever gets lost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flygate.fly.client import FlyClient
from flygate.fly.errors import (
    FlyApiError,
    InvalidRequestError,
    NotFoundError,
    ServerError,
    UnauthorizedError,
)
from flygate.fly.graphql import data
from flygate.fly.redis import RedisSpec, plan_name

from tests.infra.fly.lossy import Loses, MakeClient

SPEC = RedisSpec("shop-redis", "acme", "fixed_250mb", "iad")


@pytest.mark.integration
async def test_a_redis_is_as_it_was_asked_for(fly: FlyClient) -> None:
    """Plan, regions and eviction; its URL has a password, which no repr shows."""
    assert await fly.redis.find(SPEC.name) is None

    made = await fly.redis.create(replace(SPEC, read_regions=("fra",), evicts=True))

    assert (made.name, made.org, made.plan, made.region) == (*_asked(), "iad")
    assert (made.read_regions, made.evicts) == (("fra",), True)
    assert made.url.startswith("redis://default:")
    assert made.url not in repr(made)
    assert await fly.redis.find(SPEC.name) == made


@pytest.mark.integration
@pytest.mark.parametrize("arrives", [True, False])
async def test_a_lost_answer_makes_one_redis(
    fly: FlyClient, lossy: MakeClient, arrives: bool
) -> None:
    """It is looked up by its name; only one that never arrived is asked for again."""
    transport = Loses(lambda request: "createAddOn" in request.content.decode(), arrives=arrives)

    made = await lossy(transport).redis.create(SPEC)

    assert made == await fly.redis.find(SPEC.name)
    assert transport.asked == (1 if arrives else 2)


@pytest.mark.integration
async def test_a_change_keeps_the_redis(fly: FlyClient) -> None:
    """Another plan, other read regions and eviction; the same database at the same URL."""
    made = await fly.redis.create(SPEC)

    spec = replace(SPEC, plan="fixed_1gb", read_regions=("fra", "nrt"), evicts=True)
    await fly.redis.update(made, spec)

    changed = await fly.redis.find(SPEC.name)
    assert changed is not None
    assert (changed.id, changed.url) == (made.id, made.url)
    assert (changed.plan, changed.read_regions, changed.evicts) == (
        "fixed_1gb",
        ("fra", "nrt"),
        True,
    )


@pytest.mark.integration
async def test_a_redis_is_deleted_once_and_twice(fly: FlyClient) -> None:
    """One that is gone is fine."""
    await fly.redis.create(SPEC)

    await fly.redis.delete(SPEC.name)
    await fly.redis.delete(SPEC.name)

    assert await fly.redis.find(SPEC.name) is None


@pytest.mark.integration
async def test_what_fly_does_not_have_is_refused(fly: FlyClient) -> None:
    """A plan with the plans that there are, a region, a name that is in use."""
    with pytest.raises(
        InvalidRequestError, match=r"no plan huge; it has pay_as_you_go, fixed_250mb"
    ):
        await fly.redis.create(replace(SPEC, plan="huge"))
    with pytest.raises(InvalidRequestError, match="unknown region"):
        await fly.redis.create(replace(SPEC, region="moon"))
    await fly.redis.create(SPEC)
    with pytest.raises(InvalidRequestError, match="already been taken"):
        await fly.redis.create(SPEC)


@pytest.mark.parametrize(
    ("shown", "ours"),
    [
        ("flyio_fixed_250mb", "fixed_250mb"),
        ("Fixed 250MB", "fixed_250mb"),
        ("Pay-as-you-go", "pay_as_you_go"),
    ],
)
def test_plans_have_one_name_whatever_fly_shows(shown: str, ours: str) -> None:
    """Fly has had several forms of them."""
    assert plan_name({"displayName": shown}) == ours


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        ("NOT_FOUND", "Could not find AddOn", NotFoundError),
        ("", "Could not find AddOn", NotFoundError),
        ("UNPROCESSABLE", "Validation failed", InvalidRequestError),
        ("FORBIDDEN", "Not authorized", UnauthorizedError),
        ("", "Something else", FlyApiError),
    ],
)
def test_an_error_of_graphql_is_one_of_the_tree(
    code: str, message: str, kind: type[FlyApiError]
) -> None:
    """GraphQL says 200, whatever happened."""
    answer = {"errors": [{"message": message, "extensions": {"code": code}}], "data": None}

    with pytest.raises(FlyApiError, match=message) as error:
        data("query redis x", answer)

    assert type(error.value) is kind
    assert not isinstance(error.value, ServerError)


def _asked() -> tuple[str, str, str]:
    return SPEC.name, SPEC.org, SPEC.plan
