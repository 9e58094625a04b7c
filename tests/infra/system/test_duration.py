"""Durations as fly.toml writes them."""

from __future__ import annotations

import pytest
from flygate.system import duration
from flygate.system.errors import ConfigError


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
