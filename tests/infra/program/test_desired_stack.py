"""What a stack asks for: which secrets a release gets, and when there is a Redis."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from flygate.program import redis_plan
from flygate.program.desired_stack import DesiredStack
from flygate.system.errors import ConfigError

from tests.infra.builders import redis

LIVE = redis("shop-redis", plan="fixed_1gb", url="redis://default:pass-word@host:6379")
IMAGE = "registry.fly.io/shop@sha256:" + "0" * 64
PIN = {"version": "v1", "manifest": "ab"}


def desired(root: Path, **raw: Any) -> DesiredStack:
    texts = {key: json.dumps(value) for key, value in raw.items()}
    given = {"app": "shop", "image": IMAGE, **texts}
    return DesiredStack.read(given, is_redis_secret=True, root=root)


def test_a_redis_is_made_where_limits_are_kept_in_it(root: Path) -> None:
    """In the first region, with the phase's plan; none where limits are in memory."""
    assert desired(root, phase=2).redis_spec(None) is None

    found = desired(root, phase=3, regions=["fra", "iad"], redis={"regions": ["iad"]})
    spec = found.redis_spec(None)

    assert spec is not None
    assert (spec.name, spec.plan, spec.region) == ("shop-redis", "fixed_250mb", "fra")
    assert spec.read_regions == ("iad",)
    assert found.needs_redis
    own_name = desired(root, phase=3, redis={"name": "other"}).redis_spec(None)
    assert own_name is not None
    assert own_name.name == "other"


@pytest.mark.parametrize("raw", [{"phase": 2}, {"phase": 3, "pin": PIN}])
def test_a_redis_that_is_there_stays_as_it_is(root: Path, raw: dict[str, Any]) -> None:
    """In a smaller phase, and with a pin to a release of one, whatever the configuration says."""
    found = desired(root, redis={}, **raw)
    spec = found.redis_spec(LIVE)

    assert spec is not None
    assert not found.needs_redis
    assert redis_plan.costs(spec, LIVE)[0] == 20.0


def test_a_smaller_phase_does_not_change_the_plan_of_the_redis(root: Path) -> None:
    """No one asked for it."""
    spec = desired(root, phase=1).redis_spec(LIVE)

    assert spec is not None
    assert spec.plan == LIVE.plan


def test_a_rollback_to_a_release_with_redis_buys_none(root: Path) -> None:
    """It was destroyed since, or was the user's own; one that is there stays attached."""
    pinned = desired(root, phase=2, pin={**PIN, "redis": True})

    assert pinned.redis_spec(None) is None
    assert pinned.redis_spec(LIVE) is not None
    assert pinned.needs_redis


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
    found = desired(root, **raw)

    assert found.brings_redis
    assert not found.needs_redis
    assert found.redis_spec(LIVE) is None
    assert "pass-word" not in repr(found)


def test_a_redis_is_named_once(root: Path) -> None:
    """Among the secrets its URL would hide the one of the phase, or be hidden."""
    with pytest.raises(ConfigError, match=r"flygate:secrets\.REDIS_URL is no URL"):
        desired(root, phase=2, secrets={"REDIS_URL": "host:6379"})
    with pytest.raises(ConfigError, match=r"pulumi config rm --path secrets\.REDIS_URL") as error:
        desired(root, phase=3, secrets={"REDIS_URL": "redis://default:pass-word@host"})

    assert "pass-word" not in str(error.value)


def test_with_a_pin_only_secrets_that_are_not_restored_are_handed_over(root: Path) -> None:
    """The others are the earlier release's own."""
    secrets = {"KEY": "one", "ROTATED": "two"}

    assert desired(root, secrets=secrets).kept_secrets == secrets
    pinned = desired(root, secrets=secrets, owners={"ROTATED": "rotated"}, pin=PIN)
    assert pinned.kept_secrets == {"ROTATED": "two"}
    assert pinned.manifest is None


def test_what_is_packed_though_git_does_not_have_it_is_noted(root: Path) -> None:
    """And what is not packed because git ignores it; not of an image by digest, or of a pin."""
    for name in ("service/flygate_service/app.py", "service/local.py", "wire/a.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")
    (root / ".gitignore").write_text("local.py\n")
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)

    notes = DesiredStack.read({"app": "shop"}, is_redis_secret=False, root=root).notes

    assert [line.partition(":")[0] for line in notes] == [
        "service/flygate_service/app.py, wire/a.py",
        "service/local.py",
    ]
    assert desired(root).notes == ()
    pinned = {"app": "shop", "pin": json.dumps(PIN)}
    assert DesiredStack.read(pinned, is_redis_secret=False, root=root).notes == ()
