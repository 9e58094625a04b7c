"""Durations as Go writes them."""

import pytest
from localfly.errors import InvalidArgumentError
from localfly.timing.duration import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("15s", 15), ("1m30s", 90), ("250ms", 0.25), (2_000_000_000, 2), ("1.5h", 5400), ("0", 0)],
)
def test_durations(text: object, seconds: float) -> None:
    """Go's text or nanoseconds."""
    assert parse_duration(text, "key") == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "s", "5 s", "-5s", -1, None, True, "5s!"])
def test_durations_that_are_none(text: object) -> None:
    """The error names the key."""
    with pytest.raises(InvalidArgumentError, match="some\\.key"):
        parse_duration(text, "some.key")
