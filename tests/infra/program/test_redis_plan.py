"""What the preview says of a stack's Redis, what it costs, and which URL is attached."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
import pytest
from flygate.fly.redis import RedisSpec
from flygate.program import redis_plan
from flygate.program.desired_stack import DesiredStack
from flygate.program.pinned_redis import PinnedRedis
from flygate.program.redis_plan import costs, lines

from tests.infra.builders import redis

LIVE = redis("shop-redis")
SPEC = RedisSpec("shop-redis", "personal", "fixed_250mb", "iad")
OWN = "rediss://default:canary@host:6379"


def test_a_redis_to_be_made_is_announced() -> None:
    """With what it is, and that the app gets its URL."""
    spec = replace(SPEC, read_regions=("fra", "nrt"))

    assert list(lines(spec, None, "prod", is_needed=True)) == [
        "Redis shop-redis is made: fixed_250mb in iad, fra, nrt; REDIS_URL is attached; it costs "
        "$20.00 a month"
    ]
    assert costs(spec, None) == (0.0, 20.0)


def test_nothing_is_said_of_a_redis_that_is_as_desired() -> None:
    """The preview of a stack that is in order is empty."""
    assert list(lines(SPEC, LIVE, "prod", is_needed=True)) == []
    assert costs(SPEC, LIVE) == (10.0, 10.0)
    assert costs(None, LIVE) == (0.0, 0.0)


def test_a_redis_that_is_not_needed_any_more_stays_and_says_so() -> None:
    """An operator reads what it costs, and the one command that removes it."""
    (line,) = lines(SPEC, LIVE, "prod", is_needed=False)

    assert "stays, with all that is in it, and costs $10.00 a month" in line
    assert "`flygate redis destroy prod` removes it" in line


def test_a_change_of_plan_or_region_is_announced() -> None:
    """The region can't be changed, which an operator should know before."""
    spec = replace(SPEC, plan="fixed_1gb", region="fra")

    assert list(lines(spec, LIVE, "prod", is_needed=True)) == [
        "Redis shop-redis changes from fixed_250mb to fixed_1gb; it costs $20.00 a month",
        "Redis shop-redis stays in iad: Fly can't move one",
    ]
    assert "canary" not in repr(LIVE)


def test_every_other_change_is_announced_with_the_cost() -> None:
    """A copy costs money; one that is taken away does no longer."""
    live = redis("shop-redis", read_regions=("fra",))
    spec = replace(SPEC, read_regions=("nrt",), evicts=True)

    assert list(lines(spec, live, "prod", is_needed=True)) == [
        "Redis shop-redis gets a copy in nrt; it costs $15.00 a month",
        "Redis shop-redis loses its copy in fra; it costs $15.00 a month",
        "Redis shop-redis forgets clients when it is full; it costs $15.00 a month",
    ]
    by_use = replace(SPEC, plan="pay_as_you_go")
    assert list(
        lines(by_use, redis("shop-redis", options={"eviction": True}), "prod", is_needed=True)
    ) == [
        "Redis shop-redis changes from fixed_250mb to pay_as_you_go; it costs what its commands "
        "cost",
        "Redis shop-redis refuses new clients when it is full; it costs what its commands cost",
    ]


@pytest.mark.parametrize(
    ("raw", "url"),
    [
        ({"phase": "2"}, None),
        ({"phase": "3"}, LIVE.url),
        ({"phase": "3", "redis": json.dumps({"url": OWN})}, OWN),
    ],
)
async def test_the_url_follows_the_live_redis(
    raw: dict[str, Any], url: str | None, root: Path
) -> None:
    """Or it is the user's; a Redis that is not made yet has one only once it is made."""
    desired = DesiredStack.read(
        {"app": "shop", "image": f"r.io/shop@sha256:{'0' * 64}", **raw},
        is_redis_secret=True,
        root=root,
    )
    made = pulumi.Output.from_input("made") if desired.needs_redis else None

    assert redis_plan.url(desired, LIVE, None, made) == url
    assert redis_plan.url(desired, None, None, made) == (made or url)
    pinned = PinnedRedis("v3", "shop-redis", "rediss://default:canary@users:6379")
    assert redis_plan.url(desired, LIVE, pinned, made) is None
