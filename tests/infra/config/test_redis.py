"""The Redis of a stack: what is accepted, and what the preview says of it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from flygate import config
from flygate.config.redis import LiveRedis, RedisPlan, problem_of
from flygate.system.errors import ConfigError
from flygate_limiter.errors import AddressError
from flygate_limiter.redis.address import RedisAddress
from hypothesis import given
from hypothesis import strategies as st

LIVE = LiveRedis("r1", "shop-redis", "fixed_250mb", "iad", (), "redis://default:canary@host:6379")
PLAN = RedisPlan("shop-redis", "fixed_250mb", "iad", (), LIVE, is_needed=True)


def url(value: Any, *, is_secret: bool = True) -> str | None:
    return config.load_redis_url({"redis": json.dumps({"url": value})}, is_secret=is_secret)


@pytest.mark.parametrize("mine", ["rediss://default:canary@host:6379", "redis://host"])
def test_a_stack_brings_its_own_redis_by_a_secret(mine: str) -> None:
    """As it is given, TLS or not; the configuration that gets printed does not have it."""
    stack = config.load({"app": "shop", "redis": json.dumps({"url": mine})})

    assert url(mine) == mine
    assert stack.redis.url
    assert mine not in repr(stack)
    assert config.load_redis_url({}, is_secret=False) is None


def test_a_url_in_plain_text_is_refused() -> None:
    """With the command that sets it as a secret, and without quoting it."""
    with pytest.raises(ConfigError, match=r"config set --secret --path redis\.url") as error:
        url("redis://default:canary@host:6379", is_secret=False)

    assert "canary" not in str(error.value)


@pytest.mark.parametrize(
    "wrong", ["http://u:canary@host", "redis://", "canary", 7, "redis://[", ""]
)
def test_what_is_no_url_of_a_redis_is_refused_without_being_quoted(wrong: Any) -> None:
    """It may be a password that was pasted alone."""
    with pytest.raises(ConfigError, match=r"redis\.url is no URL of a Redis") as error:
        url(wrong)

    assert "canary" not in str(error.value)


FORMS = [
    "redis://host",
    "rediss://u:p%40ss@host:6380/3",
    "redis://[::1]:7000/",
    "rediss://host?ssl_ca_certs=/etc/ca.pem",
    "redis://host?family=6",
    "redis://host?ssl_ca_certs=a&family=6",
    "redis://host?family",
    "redis://host/one",
    "redis://host:port",
    "redis://host:99999",
    "redis://:6379",
    "http://host",
    "",
]
PARTS = (
    "redis",
    "rediss",
    "://",
    "host",
    ":",
    "6379",
    "/",
    "1",
    "?",
    "ssl_ca_certs=a",
    "=",
    "@",
    "[",
)


@given(st.sampled_from(FORMS) | st.lists(st.sampled_from(PARTS), max_size=10).map("".join))
def test_the_preview_takes_what_the_service_takes(form: str) -> None:
    """What it refused would end the new machines with code 78; infra may not import the service."""
    try:
        RedisAddress.parse(form)
    except AddressError:
        assert problem_of(form)
    else:
        assert problem_of(form) == ""


def test_an_option_that_the_service_does_not_know_is_refused() -> None:
    """In the preview, and in a secret of the service's own name, too."""
    with pytest.raises(ConfigError, match="knows none but ssl_ca_certs"):
        url("redis://default:canary@host?family=6")


def test_a_redis_to_be_made_is_announced() -> None:
    """With what it is, and that the app gets its URL."""
    plan = replace(PLAN, live=None, read_regions=("fra", "nrt"))

    assert plan.lines("prod") == [
        "Redis shop-redis is made: fixed_250mb in iad; REDIS_URL is attached"
    ]
    assert plan.costs == (0.0, 20.0)


def test_of_a_redis_that_is_as_it_should_be_nothing_is_said() -> None:
    """The preview of a stack that is in order is empty."""
    assert PLAN.lines("prod") == []
    assert PLAN.costs == (10.0, 10.0)


def test_a_redis_that_is_not_needed_any_more_stays_and_says_so() -> None:
    """Nobody pays for one without knowing it, and there is one command that removes it."""
    (told,) = replace(PLAN, is_needed=False).lines("prod")

    assert "stays, with all that is in it, and costs $10.00 a month" in told
    assert "`flygate redis destroy prod` removes it" in told


def test_a_change_of_plan_or_place_is_told() -> None:
    """The place can't be changed, which an operator should know before."""
    assert replace(PLAN, plan="fixed_1gb", region="fra").lines("prod") == [
        "Redis shop-redis changes from fixed_250mb to fixed_1gb",
        "Redis shop-redis stays in iad: Fly can't move one",
    ]
    assert "canary" not in repr(PLAN)
