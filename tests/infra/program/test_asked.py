"""What a stack asks for: which secrets a release gets, and when there is a Redis."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from flygate.config.redis import LiveRedis
from flygate.program.asked import Asked
from flygate.system.errors import ConfigError

LIVE = LiveRedis("r1", "shop-redis", "fixed_1gb", "iad", (), "redis://default:pass-word@host:6379")
IMAGE = "registry.fly.io/shop@sha256:" + "0" * 64
PIN = {"version": "v1", "manifest": "ab"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout that has no more than a fly.toml."""
    text = 'primary_region = "ams"\n[http_service]\ninternal_port = 8080\n'
    (tmp_path / "fly.toml").write_text(text, encoding="utf-8")
    return tmp_path


def asked(root: Path, **raw: Any) -> Asked:
    texts = {key: json.dumps(value) for key, value in raw.items()}
    given = {"app": "shop", "image": IMAGE, **texts}
    return Asked.read(given, is_redis_secret=True, root=root)


def test_a_redis_is_made_where_limits_are_kept_in_it(root: Path) -> None:
    """In the first region, with the phase's plan; none where limits are in memory."""
    assert asked(root, phase=2).redis_plan(None) is None

    plan = asked(root, phase=3, regions=["fra", "iad"], redis={"regions": ["iad"]}).redis_plan(None)

    assert plan is not None
    assert (plan.name, plan.plan, plan.region) == ("shop-redis", "fixed_250mb", "fra")
    assert (plan.read_regions, plan.is_needed) == (("iad",), True)
    own_name = asked(root, phase=3, redis={"name": "other"}).redis_plan(None)
    assert own_name is not None
    assert own_name.name == "other"


@pytest.mark.parametrize("raw", [{"phase": 2}, {"phase": 3, "pin": PIN}])
def test_a_redis_that_is_there_stays_as_it_is(root: Path, raw: dict[str, Any]) -> None:
    """In a smaller phase, and with a pin to a release of one, whatever the configuration says."""
    plan = asked(root, redis={}, **raw).redis_plan(LIVE)

    assert plan is not None
    assert not plan.is_needed
    assert plan.costs[0] == 20.0


def test_a_smaller_phase_does_not_change_the_plan_of_the_redis(root: Path) -> None:
    """Nobody asked for it."""
    plan = asked(root, phase=1).redis_plan(LIVE)

    assert plan is not None
    assert plan.plan == LIVE.plan


def test_a_rollback_to_a_release_with_redis_buys_none(root: Path) -> None:
    """Somebody destroyed it since, or it was the user's own; one that is there stays attached."""
    pinned = asked(root, phase=2, pin={**PIN, "redis": True})

    assert pinned.redis_plan(None) is None
    plan = pinned.redis_plan(LIVE)
    assert plan is not None
    assert plan.is_needed


@pytest.mark.parametrize(
    "raw",
    [
        {"phase": 3, "redis": {"url": "rediss://default:pass-word@host"}},
        {"phase": 2, "redis": {"url": "rediss://default:pass-word@host"}},
        {"phase": 2, "secrets": {"REDIS_URL": "rediss://default:pass-word@host"}},
    ],
)
def test_of_a_stack_that_brings_its_own_redis_none_is_made(root: Path, raw: dict[str, Any]) -> None:
    """Nor is it looked for."""
    found = asked(root, **raw)

    assert found.brings_redis
    assert not found.needs_redis
    assert found.redis_plan(LIVE) is None
    assert "pass-word" not in repr(found)


def test_a_redis_is_named_once(root: Path) -> None:
    """Among the secrets its URL would hide the one of the phase, or be hidden."""
    with pytest.raises(ConfigError, match=r"flygate:secrets\.REDIS_URL is no URL"):
        asked(root, phase=2, secrets={"REDIS_URL": "host:6379"})
    with pytest.raises(ConfigError, match=r"pulumi config rm --path secrets\.REDIS_URL") as error:
        asked(root, phase=3, secrets={"REDIS_URL": "redis://default:pass-word@host"})

    assert "pass-word" not in str(error.value)


def test_with_a_pin_only_secrets_that_are_not_restored_are_handed_over(root: Path) -> None:
    """The others are the earlier release's own."""
    secrets = {"KEY": "one", "ROTATED": "two"}

    assert asked(root, secrets=secrets).kept_secrets == secrets
    pinned = asked(root, secrets=secrets, owners={"ROTATED": "rotated"}, pin=PIN)
    assert pinned.kept_secrets == {"ROTATED": "two"}
    assert pinned.manifest is None


def test_what_is_packed_though_git_does_not_have_it_is_told(root: Path) -> None:
    """And what is not packed because git ignores it; not of an image by digest, or of a pin."""
    for name in ("service/flygate_service/app.py", "service/local.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")
    (root / ".gitignore").write_text("local.py\n")
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)

    told = Asked.read({"app": "shop"}, is_redis_secret=False, root=root).notes

    assert [line.partition(":")[0] for line in told] == [
        "service/flygate_service/app.py",
        "service/local.py",
    ]
    assert asked(root).notes == ()
    pinned = {"app": "shop", "pin": json.dumps(PIN)}
    assert Asked.read(pinned, is_redis_secret=False, root=root).notes == ()
