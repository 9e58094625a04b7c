"""What a plan says of process groups before it is confirmed."""

from __future__ import annotations

from typing import Any

from flygate.manifest import Group, Volume
from flygate.rollout import group_notes
from flygate.rollout.state import Seen, State
from flygate.rollout.strategies import plan

from tests.infra.builders import WEB, manifest, seen, target

DISK: dict[str, Any] = {"config": {"services": [WEB], "mounts": [{"path": "/d", "name": "data"}]}}
WORKER = Group(name="worker", config={"env": {}}, regions=("iad",), machines=1)


def notes(*machines: Seen, **changes: Any) -> list[str]:
    asked = target(manifest=manifest(**changes))
    state = State("shop", machines)
    return list(group_notes.of(plan(state, asked), state, asked))


def test_an_app_of_one_group_has_none() -> None:
    """What is always so is not said."""
    assert notes(seen(1)) == []


def test_a_restart_is_announced_before_it_costs_requests() -> None:
    """With the machine and its volume; beside another one it costs none."""
    one = seen(1, place="app-iad-1", volume="vol_1")
    two = seen(1, 2, place="app-iad-2", volume="vol_2")

    (line,) = notes(one, **DISK, volume=Volume(name="data"))
    assert line.startswith(
        "app-iad-1 restarts in place (m1iad1 on vol_1): nothing else of app runs"
    )
    assert notes(one, two, **DISK, volume=Volume(name="data"), machines=2) == []


def test_volumes_that_come_and_that_stay_are_named() -> None:
    """A new machine takes a free one; a group that loses its mounts leaves them."""
    made = notes(seen(1), **DISK, volume=Volume(name="data", size_gb=3))
    assert made[0].startswith("app-iad-1 gets a volume data in iad: one that no machine has, or a")

    left = notes(seen(1, place="app-iad-1", volume="vol_1"))
    assert left == ["vol_1, the volume of v1-iad-1, stays, and no machine of v2 uses it"]


def test_a_worker_that_works_twice_is_named_with_the_remedy() -> None:
    """From its second release on."""
    assert notes(seen(1), others=(WORKER,)) == []
    (line,) = notes(seen(1), seen(1, 2, group="worker"), others=(WORKER,))
    assert line.startswith(
        "worker works twice, as v1 and v2, until the end. If it must not: `pulumi"
    )
