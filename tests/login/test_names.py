"""One spelling for each account."""

import pytest
from flygate_service.login import account_name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ada@Example.ORG", "ada@example.org"),
        ("  ada ", "ada"),
        ("\uff41\uff44\uff41", "ada"),
        ("Straße", "strasse"),
        ("", None),
        ("   ", None),
        ("a" * 255, None),
    ],
)
def test_one_spelling(text: str, expected: str | None) -> None:
    """Case, width and blanks make no other account; no account has an empty name."""
    assert account_name(text) == expected
