"""What a preview says, and that an update which does not follow from it is refused."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from flygate.manifest import Manifest
from flygate.program import previewed
from flygate.program.previewed import Previewed
from flygate.record.running import Running, lines
from flygate.system.errors import MovedError

from tests.infra.builders import ledger, manifest, release

PLAN = ["v1 → v2 (canary): 1 machine in iad", "launch: v2-iad-1"]
SMALL = manifest(config={"env": {"GREETING": "hi"}, "guest": {"cpus": 1, "memory_mb": 256}})
LARGE = manifest(
    config={"env": {"GREETING": "hello"}, "guest": {"cpus": 1, "memory_mb": 512}}, machines=2
)


def left_by(content: Manifest, **secrets: str) -> Running:
    """What a stack's outputs hold after a release."""
    book = ledger(release(1, manifest=content, secret_set="set"), set=secrets)
    return Running.parse(json.dumps(book.running()))


def test_a_change_is_told_with_its_plan_and_its_cost() -> None:
    """Environment, size and places with both values; then the steps; then the money."""
    assert lines(left_by(SMALL), LARGE, {}, PLAN, drifted=False) == [
        "~ config.guest.memory_mb: 256 → 512",
        '~ env.GREETING: "hi" → "hello"',
        "~ machines: 1 → 2",
        *PLAN,
        "$2.02 → $6.54 a month at most, at the prices of 2026-08",
    ]


def test_a_redis_counts_in_the_cost() -> None:
    """Also if it changes alone; one that stays costs the same before and after."""
    grown = SMALL.model_copy(update={"phase": 3})

    told = lines(left_by(SMALL), grown, {}, [], drifted=False, redis=(0.0, 10.0))
    assert told[-1] == "$2.02 → $12.02 a month at most, at the prices of 2026-08"
    assert lines(left_by(SMALL), grown, {}, [], drifted=False, redis=(10.0, 10.0)) == [
        "~ phase: 1 → 3"
    ]


def test_secrets_are_told_by_name() -> None:
    """Added, gone and changed; what is the same is left out, and no value is shown."""
    running = left_by(SMALL, SAME="same-value", ROTATED="former-value", GONE="gone-value")
    wanted = {"SAME": "same-value", "ROTATED": "latter-value", "ADDED": "added-value"}
    told = lines(running, SMALL, wanted, PLAN, drifted=False)
    assert told == ["+ secret ADDED", "- secret GONE", "~ secret ROTATED", *PLAN]
    assert "value" not in repr(running)


def test_where_nothing_changes_nothing_is_said() -> None:
    """And no plan is shown that would not be run."""
    assert lines(left_by(SMALL, A="value"), SMALL, {"A": "value"}, PLAN, drifted=False) == []


def test_the_first_release_is_all_new() -> None:
    """There is nothing to compare with, so the plan is told."""
    assert lines(Running.parse(None), SMALL, {}, PLAN, drifted=False) == PLAN


def test_what_puts_drift_right_is_told() -> None:
    """Though nothing of what is asked for has changed."""
    assert lines(left_by(SMALL), SMALL, {}, PLAN, drifted=True) == PLAN
    assert lines(left_by(SMALL), SMALL, {}, [], drifted=True) == []


@pytest.fixture(autouse=True)
def _below_pulumi(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests run below no CLI; here they do."""
    monkeypatch.setattr(previewed, "ancestor", lambda _: os.getpid())


def test_an_update_after_its_preview_goes_on(tmp_path: Path) -> None:
    """The same live state was found."""
    note = Previewed(tmp_path, "shop")
    note.write("as it was", ["a line"])
    assert note.lines == ["a line"]
    note.check("as it was")


def test_an_update_of_what_moved_is_refused_once(tmp_path: Path) -> None:
    """The operator looks at a new preview; the old one is forgotten."""
    note = Previewed(tmp_path, "shop")
    note.write("as it was", [])
    with pytest.raises(MovedError, match="changed since the preview"):
        note.check("somebody deployed")
    note.check("somebody deployed")


def test_an_update_without_a_preview_is_compared_with_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None was made, or by another run of the CLI, or so long ago that it belongs to no update."""
    note = Previewed(tmp_path, "shop")
    note.check("as it is")
    note.write("as it was", [])
    with monkeypatch.context() as another:
        another.setattr(previewed, "ancestor", lambda _: 1)
        note.check("as it is")
    note.write("as it was", [])
    an_hour_later = time.time() + 3600
    monkeypatch.setattr(time, "time", lambda: an_hour_later)
    note.check("as it is")
