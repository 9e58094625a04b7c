"""Durations in Go's spelling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra import goduration
from infra.errors import ConfigError


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
        (15, "15ns"),
        (0, "0s"),
        ("0s", "0s"),
    ],
)
def test_a_duration_is_spelled_as_go_spells_it(written: int | str, spelled: str) -> None:
    """Which is how flyctl sends it, whatever the file says."""
    assert goduration.normal(written, "x") == spelled


def test_a_number_counts_in_its_unit() -> None:
    """`kill_timeout = 300` means seconds."""
    assert goduration.normal(300, "kill_timeout", unit="s") == "5m0s"


@given(st.integers(0, 10**16))
def test_a_spelling_means_the_same(nanoseconds: int) -> None:
    """To spell what was spelled changes nothing."""
    spelled = goduration.normal(nanoseconds, "x")

    assert goduration.normal(spelled, "x") == spelled


@pytest.mark.parametrize("wrong", ["", "soon", "5", "5 s", "-5s", -5, True, "5s later"])
def test_what_is_no_duration_is_named(wrong: int | str) -> None:
    """With its key and what was found."""
    with pytest.raises(ConfigError, match=r"x must be a duration"):
        goduration.normal(wrong, "x")
