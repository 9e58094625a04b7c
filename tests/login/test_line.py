"""The line before the password check."""

from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.login.line import Line, LineFull


@dataclass
class Checker:
    """Takes its time."""

    at_once: int = 2
    seconds: float = 0.1


def fill(line: Line, held: ExitStack, *, is_known: bool) -> tuple[int, int]:
    """Take places until there is none; how many there were, and the wait that was named then."""
    taken = 0
    while True:
        try:
            held.enter_context(line.place(is_known=is_known))
        except LineFull as full:
            return taken, full.wait_seconds
        taken += 1


def test_strangers_leave_room_for_known_devices() -> None:
    """However many strangers come, known devices find places; those are bounded too."""
    with ExitStack() as held:
        line = Line(Checker())

        assert fill(line, held, is_known=False) == (12, 1)
        assert fill(line, held, is_known=True) == (4, 1)
        with pytest.raises(LineFull), line.place(is_known=False):
            pass


@given(at_once=st.integers(1, 2), seconds=st.floats(0.001, 6))
def test_nobody_waits_for_long(at_once: int, seconds: float) -> None:
    """On a slow machine the line is shorter; one place there is, and one for a known device."""
    with ExitStack() as held:
        line = Line(Checker(at_once, seconds))
        strangers, _ = fill(line, held, is_known=False)
        known, wait = fill(line, held, is_known=True)

    assert strangers >= 1
    assert known >= 1
    assert (strangers + known - 1) * seconds / at_once <= 6
    assert wait >= (strangers + known) * seconds / at_once


def test_a_place_is_given_back() -> None:
    """However the check ends; and who was not let in took none."""
    line = Line(Checker())
    with ExitStack() as held:
        fill(line, held, is_known=True)

    with ExitStack() as held:
        assert fill(line, held, is_known=True)[0] == 16
