"""Who uses a Redis, by what Fly shows of machines, and by what is known beside it."""

from __future__ import annotations

from typing import Any

import pytest
from flygate.doctor.redis_users import AppSeen, Surroundings
from flygate.fly.models import Machine, MachineConfig, Redis

HOST = "fly-shop-redis.upstash.io"
URL = f"redis://default:word@{HOST}:6379"
OWN = "redis://default:word@db.example.org:6379"


def redis_of(name: str = "shop-redis", url: str = URL) -> Redis:
    return Redis(id="1", name=name, org="acme", plan="fixed_250mb", region="iad", url=url)


def machine(role: str = "live", release: str = "v1", **env: str) -> Machine:
    metadata = {"flygate_role": role, "flygate_release": release} if release else {}
    return Machine(id="m1", name="one", config=MachineConfig(env=env, metadata=metadata))


def in_redis(role: str = "live") -> Machine:
    return machine(role, RATE_LIMIT_STORAGE="redis")


def around(*own: Machine, **more: Any) -> Surroundings:
    return Surroundings(own=AppSeen("shop", own), **more)


@pytest.mark.parametrize(
    ("machines", "url", "used"),
    [
        ((in_redis(),), URL, True),
        ((in_redis(),), "rediss://default:another@fly-shop-redis.upstash.io/0", True),
        ((in_redis(),), "", True),  # not recorded: it may be this one
        ((in_redis(),), OWN, False),
        ((in_redis("candidate"),), OWN, True),  # a rollout is under way to some Redis
        ((in_redis("standby"),), URL, False),
        ((machine(RATE_LIMIT_STORAGE="memory"),), URL, False),
        ((machine(release="", CACHE=f"{URL}/2"),), OWN, True),
        ((Machine(id="m1"),), URL, False),
        ((), URL, False),
    ],
)
def test_the_stack_s_own_machines(machines: tuple[Machine, ...], url: str, used: bool) -> None:
    """By the release that runs; in doubt they use it."""
    assert around(*machines, url=url).users(redis_of()) == (["one of shop"] if used else [])


@pytest.mark.parametrize(
    ("other", "name", "more", "used"),
    [
        ("cafe", "cafe-redis", {}, True),
        ("cafe", "shop-redis", {}, False),
        ("cafe", "shop-limits", {}, True),  # it has one by an unknown name
        ("cafe", "shop-limits", {"there": {"cafe-redis"}}, False),
        ("cafe", "shop-limits", {"named": {"cafe": "shop-limits"}}, True),
        ("cafe", "shop-limits", {"named": {"cafe": "another"}}, False),
        ("cafe", "shop-redis", {"named": {"cafe": "shop-redis"}}, True),
    ],
)
def test_another_stack_s_machines(other: str, name: str, more: Any, used: bool) -> None:
    """By the file of that stack, or by the usual name."""
    seen = around(others=[AppSeen(other, [in_redis()])], **more)

    assert seen.users(redis_of(name)) == ([f"one of {other}"] if used else [])


def test_an_address_that_all_may_read() -> None:
    """An app that Flygate has nothing to do with; on one address for all, the port decides."""
    blog = AppSeen("blog", [machine(release="", QUEUE=f"redis://{HOST}:6379/1")])
    assert around(others=[blog]).users(redis_of()) == ["one of blog"]

    shared = redis_of(url="redis://default:word@127.0.0.1:7001")
    for port, used in ((7001, ["one of blog"]), (7002, [])):
        blog = AppSeen("blog", [machine(release="", QUEUE=f"redis://127.0.0.1:{port}")])
        assert around(others=[blog]).users(shared) == used


def test_what_can_not_be_known_is_said() -> None:
    """Fly shows the name of a secret, and not what is in it."""
    others = [
        AppSeen("blog", [machine(release="")], {"REDIS_URL"}),
        AppSeen("empty", [], {"REDIS_URL"}),
        AppSeen("cafe", [machine()], {"REDIS_URL"}),
        AppSeen("wiki", [machine(release="")], {"OTHER"}),
    ]

    assert around(others=others).unknown() == ["blog"]
