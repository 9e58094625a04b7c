"""What the plan says of volumes that are not as fly.toml asks: the release leaves them so."""

from __future__ import annotations

from typing import Any

import pytest
from flygate.fly.models import Volume as Live
from flygate.manifest import Group, Volume
from flygate.program import volume_notes

from tests.infra.builders import manifest

LIVE = Live(
    id="vol_1",
    name="data",
    state="created",
    region="iad",
    size_gb=2,
    snapshot_retention=5,
    auto_backup_enabled=True,
)


def notes(live: Live = LIVE, **asked: Any) -> list[str]:
    """What is said where `data` is asked for so."""
    return list(volume_notes.of(manifest(volume=Volume(name="data", **asked)), [live]))


@pytest.mark.parametrize(
    ("asked", "said", "typed"),
    [
        (
            {"size_gb": 5},
            "mounts.initial_size is 5 GB, and vol_1 has 2 GB",
            "extend --size 5 vol_1 -a shop",
        ),
        (
            {"snapshot_retention": 7},
            "mounts.snapshot_retention is 7, and vol_1 keeps snapshots for 5 days",
            "update --snapshot-retention 7 vol_1 -a shop",
        ),
        (
            {"scheduled_snapshots": False},
            "mounts.scheduled_snapshots is false, and of vol_1 Fly takes one each day",
            "update --scheduled-snapshots=false vol_1 -a shop",
        ),
    ],
)
def test_a_difference_is_named_with_the_command_that_ends_it(
    asked: dict[str, Any], said: str, typed: str
) -> None:
    """A release changes no volume that is there."""
    (line,) = notes(**asked)

    assert (
        line == f"{said}: it counts for new volumes only. To change this one: `fly volumes {typed}`"
    )


def test_what_is_as_asked_or_not_asked_is_no_note() -> None:
    """One that has grown is fine, too; and of another name nothing is asked."""
    assert notes(size_gb=2, snapshot_retention=5, scheduled_snapshots=True) == []
    assert notes(LIVE.model_copy(update={"size_gb": 9})) == []
    assert notes(LIVE.model_copy(update={"name": "old"}), size_gb=5) == []
    assert notes(LIVE.model_copy(update={"snapshot_retention": None}), snapshot_retention=7) == []
    assert list(volume_notes.of(None, [LIVE])) == []


def test_volumes_of_other_groups_are_compared_too() -> None:
    """By their names."""
    worker = Group(
        name="worker",
        config={},
        regions=("iad",),
        machines=1,
        volume=Volume(name="data", size_gb=4),
    )

    (line,) = volume_notes.of(manifest(others=(worker,)), [LIVE])

    assert "initial_size is 4 GB" in line
