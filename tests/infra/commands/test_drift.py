"""Drift: what was changed without Pulumi, and only that."""

from __future__ import annotations

from typing import Any

import pytest
from flygate.commands.drift import Drift, judge
from flygate.rollout.state import CANDIDATE, STANDBY, Seen, State

from tests.infra.builders import seen


def live(number: int = 1, **changes: Any) -> Seen:
    """A machine as release v2 left it."""
    return seen(2, number, **{"drift": "known", "count": 2, **changes})


PAIR = (live(1), live(2))
STANDBYS = (
    seen(1, 1, role=STANDBY, state="stopped", cordoned=True, drift="old", count=2),
    seen(1, 2, role=STANDBY, state="stopped", cordoned=True, drift="old", count=2),
)


def judged(*machines: Seen) -> Drift:
    return judge(State("shop", machines), new_token=lambda: "new")


@pytest.mark.parametrize(
    "machines",
    [
        PAIR,
        PAIR + STANDBYS,
        (live(1, state="suspended"), live(2)),
        (live(1, state="stopped", stops_when_idle=True), live(2)),
        (live(1, healthy=False), PAIR[1]),
    ],
    ids=["as left", "with standby", "one asleep", "one stopped for want of work", "one unwell"],
)
def test_an_app_as_its_release_left_it_has_no_drift(machines: tuple[Seen, ...]) -> None:
    """Its own token comes back, so that no input changes and nothing runs."""
    assert judged(*machines) == Drift("known", (), "v2 on 2 machine(s)")


@pytest.mark.parametrize(
    ("machines", "found"),
    [
        ((), "no machine of a release is left"),
        (STANDBYS, "no machine of a release is left"),
        ((live(1, state="stopped"), PAIR[1]), "v2-iad-1 (m2iad1) is stopped"),
        (
            (live(1, name="v1-iad-1", state="stopped"), PAIR[1]),
            "v1-iad-1 of v2 (m2iad1) is stopped",
        ),
        ((live(1, cordoned=True), PAIR[1]), "v2-iad-1 (m2iad1) is started and cordoned"),
        ((PAIR[0],), "1 of 2 machines of v2 are gone"),
        ((*PAIR, seen(1, 1)), "v1-iad-1 (m1iad1) is of v1"),
        (
            (*PAIR, seen(1, 1, role=STANDBY)),
            "v1-iad-1 (m1iad1) serves, though v2 has replaced v1",
        ),
        (
            (*PAIR, seen(3, 1, role=CANDIDATE, cordoned=True)),
            "v3-iad-1 (m3iad1) was left by a rollout that died",
        ),
    ],
)
def test_a_difference_is_reported_and_makes_a_new_token(
    machines: tuple[Seen, ...], found: str
) -> None:
    """The new token changes both Commands' inputs, so the next `pulumi up` puts it right."""
    drift = judged(*machines)

    assert drift.token == "new"
    assert drift.found == (found,)


def test_every_difference_is_reported() -> None:
    """Not only the first one."""
    drift = judged(live(1, state="stopped"), seen(1, 1), seen(3, 1, role=CANDIDATE))

    assert len(drift.found) == 4


def test_two_new_tokens_differ() -> None:
    """A second drift after a repair must be an input that was never seen before."""
    assert judge(State("shop")).token != judge(State("shop")).token
