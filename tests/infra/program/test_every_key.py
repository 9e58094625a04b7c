"""Each key of the stack's configuration, with values that can't be and with one that can."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flygate.program.desired_stack import DesiredStack
from flygate.system.errors import ConfigError

from tests.infra.builders import IMAGE
from tests.infra.config.test_configuration_page import Row, rows

ROWS = {row.key: row for row in rows()}
# As Pulumi hands a section over: JSON of any kind.
WRONG: dict[str, Callable[[Any], Any]] = {
    "a list of lists": lambda _: [[]],
    "a map": lambda _: {"what": {}},
    "true": lambda _: True,
    "a number": lambda _: 0.5,
    "empty": lambda _: "",
    "an empty list": lambda _: [],
    "null": lambda _: None,
    "a huge number": lambda _: 10**4000,
    "a huge text": lambda _: "9" * 5000,
    "a huge length": lambda _: "9" * 5000 + "h",
    "a huge list": lambda valid: [valid] * 2000,
    "a NUL": lambda _: "\0",
    "half a letter": lambda _: "\ud800",
    "not a number": lambda _: float("nan"),
}
# No part of a manifest or of a Redis: who the stack is, and what only commands read.
BESIDE = {
    "org": "stack",
    "protect": "stack",
    "takeover": "stack",
    "owners": "stack",
    "rollout.hooks.env": "stack",
    "source": "source",
    "promotion.from": "stack",
    "promotion.soak": "stack",
    "redis.url": "redis_url",
}
# What an example needs beside itself.
WITH: dict[str, dict[str, Any]] = {
    "concurrency.soft": {"concurrency": {"hard": 200}},
    "concurrency.hard": {"concurrency": {"soft": 20}},
    "guest.cpu_kind": {"guest": {"cpus": 1, "memory_mb": 2048}},
    "guest.cpus": {"phase": 2, "guest": {"memory_mb": 512}},
    "minimum_running": {"machines": 2, "minimum_running": 2},
    "owners": {"secrets": {"API_KEY": "x"}},
    "source": {"image": "source"},
    "rollout.by": {"storage": "memory"},
    "storage": {"storage": "memory"},
    "affinity": {"affinity": False},
    "autostop": {"autostop": "suspend"},
    "sizing": {"sizing": "phase"},
}


@pytest.fixture
def folder(root: Path) -> Path:
    (root / "shop").mkdir()
    for name in ("service", "wire"):
        (root / name).mkdir()
        (root / name / "a.py").write_text("x = 1\n")
    groups = "[processes]\napp = 'python -m flygate_service'\nworker = 'work'\n"
    text = (root / "fly.toml").read_text() + groups + "[[vm]]\nmemory = '1gb'\n"
    text = text.replace("[http_service]", "[http_service]\nprocesses = ['app']")
    (root / "fly.toml").write_text(text)
    return root


def read(folder: Path, values: dict[str, Any]) -> DesiredStack:
    texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in values.items()}
    return DesiredStack.read(texts, is_redis_secret=True, root=folder)


def refusal(folder: Path, values: dict[str, Any]) -> list[str]:
    """The lines of the complaint; none if the values are taken."""
    try:
        read(folder, values)
    except ConfigError as exc:
        return [one for one in str(exc).splitlines() if not one.endswith("is wrong:")]
    return []


def laid(key: str, value: Any, given: dict[str, Any] | None = None) -> dict[str, Any]:
    """A stack of phase 3 with one more value."""
    values: dict[str, Any] = {"app": "shop-of-ours", "image": IMAGE, "phase": 3, "regions": ["iad"]}
    for name, one in (given or {}).items():
        values[name] = dict(one) if isinstance(one, dict) else one
    *path, last = key.split(".")
    part = values
    for name in path:
        part = part.setdefault(name, {"from": "staging"} if name == "promotion" else {})
    part[last] = value
    return values


def valid(row: Row) -> Any:
    try:
        return json.loads(row.example)
    except ValueError:
        return row.example


@pytest.mark.parametrize("key", ROWS)
def test_a_value_that_can_not_be_is_refused_in_a_line_that_names_it(key: str, folder: Path) -> None:
    """Without a traceback, and never at length."""
    refused = 0
    for wrong in WRONG.values():
        values = laid(key, wrong(valid(ROWS[key])), WITH.get(key))
        lines = refusal(folder, values)
        refused += bool(lines)
        assert [one for one in lines if key.partition(".")[0] not in one or len(one) > 700] == []
        assert "tuple" not in "".join(lines)

    assert refused


@pytest.mark.parametrize("key", ROWS)
def test_a_misspelt_key_is_refused_with_the_one_that_was_meant(key: str, folder: Path) -> None:
    """At whatever depth."""
    misspelt = key[:-1] + "_"
    with pytest.raises(ConfigError) as error:
        read(folder, laid(misspelt, valid(ROWS[key])))

    (line,) = [one for one in str(error.value).splitlines() if "is no key" in one]
    assert f"flygate:{misspelt} is no key" in line
    assert re.search(rf"Did you mean {re.escape(key)}\?|Known: .*{key.rpartition('.')[2]}", line)


@pytest.mark.parametrize("key", ROWS)
def test_a_valid_change_shows_in_what_is_desired(key: str, folder: Path) -> None:
    """None is dropped in silence."""
    given = WITH.get(key, {})
    without = read(folder, laid("app", "shop-of-ours", given))
    changed = read(folder, laid(key, valid(ROWS[key]), given))

    place = BESIDE.get(key)
    if place:
        assert getattr(changed, place) != getattr(without, place)
    else:
        assert list(effects(changed)) != list(effects(without))


def effects(desired: DesiredStack) -> Iterator[Any]:
    """What reaches Fly."""
    yield desired.manifest
    spec = desired.redis_spec(None)
    yield dataclasses.asdict(spec) if spec else None
