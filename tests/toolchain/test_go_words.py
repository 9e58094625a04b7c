"""Failures read as Go writes them."""

import pytest

from scripts.toolchain.standins.go_words import quoted


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('echo "a"', r'"echo \"a\""'),
        ("back\\slash\ttab\nline", r'"back\\slash\ttab\nline"'),
        ("\x01\x7f", r'"\x01\x7f"'),
        ("ä <>& 😀", '"ä <>& 😀"'),
        ("\u2028\u200b", r'"\u2028\u200b"'),
        ("\U000e0001", r'"\U000e0001"'),
    ],
)
def test_text_is_quoted_as_by_the_verb_q(text: str, expected: str) -> None:
    """Printable text stays, all else is escaped."""
    assert quoted(text) == expected
