"""Fly's rate limits from our side: a burst at once, then one after the other."""

from __future__ import annotations

import pytest
from flygate.fly.pace import Pace, action_of
from hypothesis import given
from hypothesis import strategies as st

CORDON = ("POST", "/apps/shop/machines/m1/cordon")


class Clock:
    """A clock that a test moves."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_of_three_goes_at_once_and_the_rest_waits_its_turn() -> None:
    """One a second each."""
    pace = Pace(clock=Clock())

    assert [pace.reserve(*CORDON) for _ in range(5)] == [0, 0, 0, 1, 2]


def test_every_action_and_machine_has_a_row_of_its_own() -> None:
    """Machines are created one a second for the whole app; one is looked at five times a second."""
    pace = Pace(clock=Clock())
    for _ in range(3):
        pace.reserve(*CORDON)

    assert pace.reserve("POST", "/apps/shop/machines/m1/stop") == 0
    assert pace.reserve("POST", "/apps/shop/machines/m2/cordon") == 0
    looks = [pace.reserve("GET", "/apps/shop/machines/m1") for _ in range(11)]
    assert looks == pytest.approx([0] * 10 + [0.2])


@given(gaps=st.lists(st.floats(0, 3), min_size=1, max_size=30))
def test_who_waits_as_asked_never_overflows_fly_s_bucket(gaps: list[float]) -> None:
    """At whatever times it is asked."""
    clock = Clock()
    pace = Pace(clock=clock)
    level, last = 0.0, clock.now
    sent = []
    for gap in gaps:
        clock.now += gap
        sent.append(clock.now + pace.reserve(*CORDON))
    for now in sorted(sent):
        level, last = max(0.0, level - (now - last)) + 1, now
        assert level <= 3 + 1e-6


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("GET", "/apps/shop", ("GET app", "shop")),
        ("POST", "/apps/shop/machines", ("POST machines", "shop")),
        ("GET", "/apps/shop/machines/m1", ("GET machine", "m1")),
        ("POST", "/apps/shop/machines/m1/lease", ("POST lease", "m1")),
        ("POST", "/apps/shop/machines/m1/metadata/k", ("POST metadata", "m1")),
        ("POST", "/apps/shop/secrets", ("POST secrets", "shop")),
    ],
)
def test_an_action_is_what_is_done_to_whom(method: str, path: str, action: tuple[str, str]) -> None:
    """As Fly counts."""
    assert action_of(method, path) == action
