"""The Redis of a release that a stack went back to: nothing is bought for it."""

from __future__ import annotations

import json

import pytest
from flygate.fly.models import Redis
from flygate.program.pinned_redis import PinnedRedis
from flygate.pulumi.checkpoint import Checkpoint, Resource
from flygate.record.stack_record import StackRecord
from flygate.system.errors import ConfigError

from tests.infra.builders import redis

OWN = "rediss://default:canary@redis.example:6380"
OURS = "redis://default:canary@10.0.0.1:6379"
LIVE = redis("shop-redis", url=OURS)
URN = "urn:pulumi:prod::flygate::flygate:fly:Redis$command:local:Command::redis-command"


def pinned(url: str, *made: str) -> PinnedRedis:
    return PinnedRedis("v3", "shop-redis", url, made)


@pytest.mark.parametrize("live", [None, LIVE])
def test_a_url_of_the_user_comes_back(live: Redis | None) -> None:
    """It is one of the release's secrets, like any other."""
    own = pinned(OWN, OURS)

    own.check(live, "prod")
    assert own.is_own(live)


@pytest.mark.parametrize(
    ("release", "words"),
    [
        (pinned(OURS.replace("canary", "former"), OURS), "the Redis shop-redis, which is gone"),
        (pinned("redis://u:canary@fly-shop-redis.upstash.io"), "shop-redis, which is gone"),
        (pinned(""), "a Redis that is not known"),
    ],
    ids=["in the state", "by its name", "lost"],
)
def test_one_that_flygate_made_and_is_gone_is_not_bought_again(
    release: PinnedRedis, words: str
) -> None:
    """The operator reads what to set; also with a former password, and without any URL."""
    with pytest.raises(ConfigError) as refused:
        release.check(None, "prod")

    for text in (words, "redis.url --stack prod", "flygate forward prod", "Nothing was changed"):
        assert text in str(refused.value)
    assert "canary" not in str(refused.value) + repr(release)
    release.check(LIVE, "prod")
    assert not release.is_own(LIVE)


def test_the_state_knows_what_was_made() -> None:
    """By the results of its Redis resources."""
    outputs = {"stdout": json.dumps({"name": "shop-redis", "url": OURS})}
    state = Checkpoint((Resource(URN, "command:local:Command", outputs),))

    assert StackRecord.of(state).redis_urls == (OURS,)
    assert "canary" not in repr(StackRecord.of(state))
