"""Durations in both formats."""

from __future__ import annotations

import pytest
from flygate.system import duration
from flygate.system.errors import ConfigError
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("0s", 0.0),
        ("10s", 10.0),
        ("1.5s", 1.5),
        ("2m", 120.0),
        ("1h", 3600.0),
        (" 3s ", 3.0),
    ],
)
def test_a_number_with_a_unit_is_read(text: str, seconds: float) -> None:
    """Each unit that Fly's own files use."""
    assert duration.seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "s", "-1s", "5 s", "5d", "5S", "1m30s", "1e3s"])
def test_anything_else_is_refused_and_quoted(text: str) -> None:
    """A number without a unit could mean seconds or milliseconds, so it is not guessed."""
    with pytest.raises(ConfigError, match='write a number and a unit, as in "30s"') as error:
        duration.seconds(text)

    assert repr(text) in str(error.value)


@pytest.mark.parametrize(
    ("written", "spelled"),
    [
        ("15s", "15s"),
        ("90s", "1m30s"),
        ("1m", "1m0s"),
        ("1h", "1h0m0s"),
        ("1h0m1.5s", "1h0m1.5s"),
        ("1500ms", "1.5s"),
        ("250ms", "250ms"),
        ("1500us", "1.5ms"),
        ("1.s", "1s"),
        (".5s", "500ms"),
        ("+5s", "5s"),
        ("0s", "0s"),
        ("0", "0s"),
    ],
)
def test_a_duration_is_spelled_as_go_spells_it(written: str, spelled: str) -> None:
    """Which is how flyctl sends it, whatever the file says."""
    assert duration.spell(duration.nanoseconds(written)) == spelled


@given(st.integers(0, 2**63 - 1))
def test_a_spelling_means_the_same(nanoseconds: int) -> None:
    """To read what was spelled gives what it was."""
    assert duration.nanoseconds(duration.spell(nanoseconds)) == nanoseconds


@pytest.mark.parametrize(
    "wrong", ["", "soon", "5", "5 s", "-5s", "5s later", "1h" * 500, "3000000h", "٣s"]
)
def test_what_is_no_duration_is_refused(wrong: str) -> None:
    """Nor is one that is longer than Go can hold, or in digits that it does not know."""
    with pytest.raises(ValueError, match=r"is no (duration|length of time)"):
        duration.nanoseconds(wrong)


@pytest.mark.parametrize(
    ("text", "setting"),
    [("1m30s", "90s"), ("5m0s", "300s"), ("1.5s", "1.500000000s"), ("250ms", "0.250000000s")],
)
def test_a_duration_of_go_s_is_written_as_a_setting(text: str, setting: str) -> None:
    """It means the same length."""
    assert duration.setting(text) == setting
    assert duration.seconds(setting) * duration.SECOND == duration.nanoseconds(text)
