"""What a preview says."""

from __future__ import annotations

import json

from flygate.manifest import Group, Manifest, Volume
from flygate.record.running import Running, lines

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


def test_a_change_is_reported_with_its_plan_and_its_cost() -> None:
    """Environment, size and places with both values; then the steps; then the money."""
    assert lines(left_by(SMALL), LARGE, {}, PLAN, drifted=False) == [
        "~ config.guest.memory_mb: 256 → 512",
        '~ env.GREETING: "hi" → "hello"',
        "~ machines: 1 → 2",
        *PLAN,
        "$2.02 → $6.54 a month at most, at the prices of 2026-08",
    ]


def test_other_groups_and_volumes_count_in_the_cost() -> None:
    """Each machine of a group, and each one's disk."""
    config = {"guest": {"cpus": 1, "memory_mb": 256}}
    disk = Volume(name="data", size_gb=10)
    worker = Group(name="worker", config=config, regions=("iad",), machines=2, volume=disk)
    grown = SMALL.model_copy(update={"others": (worker,), "volume": disk})

    reported = lines(left_by(SMALL), grown, {}, [], drifted=False)

    # 2.02 for each of three machines, and three disks of 10 GB for 0.15 each.
    assert reported[-1] == "$2.02 → $10.56 a month at most, at the prices of 2026-08"


def test_a_redis_counts_in_the_cost() -> None:
    """Also if it changes alone; one that stays costs the same before and after."""
    grown = SMALL.model_copy(update={"phase": 3})

    reported = lines(left_by(SMALL), grown, {}, [], drifted=False, redis=(0.0, 10.0))
    assert reported[-1] == "$2.02 → $12.02 a month at most, at the prices of 2026-08"
    assert lines(left_by(SMALL), grown, {}, [], drifted=False, redis=(10.0, 10.0)) == [
        "~ phase: 1 → 3"
    ]


def test_secrets_are_reported_by_name() -> None:
    """Added, gone and changed; what is the same is left out, and no value is shown."""
    running = left_by(SMALL, SAME="same-value", ROTATED="former-value", GONE="gone-value")
    wanted = {"SAME": "same-value", "ROTATED": "latter-value", "ADDED": "added-value"}
    reported = lines(running, SMALL, wanted, PLAN, drifted=False)
    assert reported == ["+ secret ADDED", "- secret GONE", "~ secret ROTATED", *PLAN]
    assert "value" not in repr(running)


def test_where_nothing_changes_nothing_is_said() -> None:
    """And no plan is shown that would not be run."""
    assert lines(left_by(SMALL, A="value"), SMALL, {"A": "value"}, PLAN, drifted=False) == []


def test_the_first_release_is_all_new() -> None:
    """There is nothing to compare with, so the plan is shown."""
    assert lines(Running.parse(None), SMALL, {}, PLAN, drifted=False) == PLAN


def test_what_puts_drift_right_is_reported() -> None:
    """Though nothing of what is asked for has changed."""
    assert lines(left_by(SMALL), SMALL, {}, PLAN, drifted=True) == PLAN
    assert lines(left_by(SMALL), SMALL, {}, [], drifted=True) == []
