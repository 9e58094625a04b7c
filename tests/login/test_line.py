"""The line before the password check."""

from contextlib import ExitStack

import pytest

from service.login.line import Line, LineFull


def fill(line: Line, held: ExitStack, *, is_known: bool) -> int:
    """Take places until there is none; how many there were."""
    taken = 0
    while True:
        try:
            held.enter_context(line.place(is_known=is_known))
        except LineFull:
            return taken
        taken += 1


def test_strangers_leave_room_for_known_devices() -> None:
    """However many strangers come, known devices find places; those are bounded too."""
    with ExitStack() as held:
        line = Line()

        assert fill(line, held, is_known=False) == 24
        assert fill(line, held, is_known=True) == 8
        with pytest.raises(LineFull), line.place(is_known=False):
            pass


def test_a_place_is_given_back() -> None:
    """However the check ends; and who was not let in took none."""
    line = Line()
    with ExitStack() as held:
        fill(line, held, is_known=True)

    with ExitStack() as held:
        assert fill(line, held, is_known=True) == 32
