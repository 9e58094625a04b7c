"""In which order kept machines change, and which of them get no requests meanwhile."""

from __future__ import annotations

from typing import Any

from flygate.manifest import Volume
from flygate.rollout.state import CANDIDATE, Seen, State
from flygate.rollout.steps import Make, Place, Update
from flygate.rollout.strategies.kept import Kept
from flygate.rollout.target import Target

from tests.infra.builders import WEB, manifest, seen, target


def wanted(machines: int, **changes: Any) -> Target:
    """A release whose serving group has volumes."""
    config = {"services": [WEB], "mounts": [{"path": "/data", "name": "data"}]}
    made = manifest(
        config=config, volume=Volume(name="data"), machines=machines, regions=("iad",), **changes
    )
    return target(manifest=made)


def kept(release: int, number: int, **changes: Any) -> Seen:
    """A machine that fills a place."""
    return seen(release, number, place=f"app-iad-{number}", volume=f"vol{number}", **changes)


def steps(asked: Target, *machines: Seen) -> list[tuple[str, str, bool]]:
    """What is done, with the place, and whether it is drained before."""
    found: list[tuple[str, str, bool]] = []
    for stage in Kept.of(State("shop", machines), asked).stages():
        for step in stage.steps:
            if isinstance(step, Make):
                found.append(("make", step.place.name, False))
            elif isinstance(step, Update):
                found.append(("update", step.place.name, step.is_drained))
    return found


def test_one_machine_alone_restarts_and_others_are_drained() -> None:
    """While another one serves, a machine gets no requests until it is proved."""
    assert steps(wanted(1), kept(1, 1)) == [("update", "app-iad-1", False)]
    assert steps(wanted(2), kept(1, 1), kept(1, 2)) == [
        ("update", "app-iad-1", True),
        ("update", "app-iad-2", True),
    ]


def test_what_does_not_serve_has_its_turn_first() -> None:
    """A dead rollout left one cordoned: it serves again before the other one changes."""
    left = kept(2, 2, role=CANDIDATE, cordoned=True)

    assert steps(wanted(2), kept(1, 1), left) == [
        ("update", "app-iad-2", True),
        ("update", "app-iad-1", True),
    ]


def test_a_new_machine_comes_before_the_old_one_changes() -> None:
    """So a fleet that grows from one loses no request."""
    assert steps(wanted(2), kept(1, 1)) == [
        ("make", "app-iad-2", False),
        ("update", "app-iad-1", True),
    ]


def test_a_place_s_name_can_be_read_back() -> None:
    """Whatever the group's name has in it."""
    place = Place("web-2_x", "iad", 12)
    assert Place.parse(place.name) == place


def test_a_machine_whose_group_has_got_a_volume_is_replaced() -> None:
    """Fly gives no machine a volume that it did not have; the new one has a name of its own."""
    (stage, *_) = Kept.of(
        State("shop", (seen(1, name="app-iad-1", place="app-iad-1"),)), wanted(1)
    ).stages()

    (step,) = stage.steps
    assert isinstance(step, Make)
    assert (step.place.name, step.name) == ("app-iad-1", "v2-app-iad-1")
    assert stage.judged == ("v2-app-iad-1",)
