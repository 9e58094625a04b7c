"""Parts of a stack's configuration that can't be together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flygate.program import contradictions
from flygate.program.desired_stack import DesiredStack
from flygate.system.errors import ConfigError

from tests.infra.builders import IMAGE, redis

LONG = "a" * 63
URL = {"url": "rediss://default:pass-word@host"}


def desired(root: Path, **raw: Any) -> DesiredStack:
    texts = {key: json.dumps(v) if not isinstance(v, str) else v for key, v in raw.items()}
    given = {"app": "shop", "image": IMAGE, **texts}
    return DesiredStack.read(given, is_redis_secret=True, root=root)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (
            {"owners": {"NOPE": "rotated"}},
            "flygate:owners.NOPE is rotated, and there is no secret NOPE. Set it: `pulumi config "
            "set --secret --path secrets.NOPE`.",
        ),
        ({"app": LONG, "phase": 3}, "Name it: `pulumi config set --path redis.name <name>`"),
        (
            {"phase": 3, "redis": {**URL, "plan": "fixed_1gb"}},
            'flygate:redis.plan is "fixed_1gb", and the stack brings a Redis of its own',
        ),
        (
            {"secrets": {"RATE_LIMIT_RPM": "pass-word"}},
            "flygate:secrets.RATE_LIMIT_RPM (hidden) is wrong; the service takes a whole number "
            "from 1 to 60000000.",
        ),
        ({"secrets": {"ADMIN_TOKEN": "pass-word"}}, "takes 24 characters or more"),
        ({"secrets": {"RATE_LIMT_RPM": "5"}}, "Did you mean RATE_LIMIT_RPM?"),
    ],
    ids=str,
)
def test_a_contradiction_is_one_line(root: Path, raw: dict[str, Any], said: str) -> None:
    """With key, value and remedy; without the value of a secret."""
    with pytest.raises(ConfigError) as error:
        desired(root, **raw)

    (line,) = str(error.value).splitlines()
    assert said in line
    assert "pass-word" not in line


@pytest.mark.parametrize(
    "raw",
    [
        {"app": LONG},
        {"app": LONG, "phase": 3, "redis": {"name": "shop-limits"}},
        # The former one's, which `flygate redis destroy` finds by it.
        {"phase": 3, "redis": {**URL, "name": "shop-limits"}},
        {"owners": {"REDIS_URL": "attached"}},
        {"owners": {"NOPE": "rotated"}, "pin": {"version": "v1", "manifest": "ab"}},
        # Another application's.
        {"secrets": {"ADMIN_TOKEN": "short"}, "smoke": {"limiter": False}},
    ],
    ids=str,
)
def test_what_works_is_no_contradiction(root: Path, raw: dict[str, Any]) -> None:
    """Nor what another release needs."""
    assert desired(root, **raw).stack.app == raw.get("app", "shop")


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"redis": {"plan": "fixed_1gb"}}, 'flygate:redis.plan is "fixed_1gb", and phase 1 has no'),
        ({"redis": {"name": "x"}}, "`pulumi config rm --path redis.name`"),
        ({"env": {"RATE_LIMIT_STORAGE": "redis"}}, "Make one: `pulumi config set storage redis`"),
    ],
    ids=str,
)
def test_a_redis_that_there_is_not_can_t_be_changed(
    root: Path, raw: dict[str, Any], said: str
) -> None:
    """One that is there stays in a phase that needs none, so it can; so can a new one."""
    found = desired(root, **raw)

    with pytest.raises(ConfigError) as error:
        contradictions.check_redis(found.stack, {}, None)
    assert said in str(error.value)
    assert len(str(error.value).splitlines()) == 1
    contradictions.check_redis(found.stack, {}, redis("shop-redis"))
    contradictions.check_redis(found.stack, {"REDIS_URL": "redis://host"}, None)
    contradictions.check_redis(desired(root, phase=3, **raw).stack, {}, None)
    untouched = desired(root, redis={"eviction": False, "regions": []})
    contradictions.check_redis(untouched.stack, {}, None)
