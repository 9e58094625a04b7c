"""`flygate:redis`: what is accepted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flygate import config
from flygate.config.redis import problem_of
from flygate.system.errors import ConfigError
from flygate_limiter.errors import AddressError
from flygate_limiter.redis.address import RedisAddress
from hypothesis import given
from hypothesis import strategies as st


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
