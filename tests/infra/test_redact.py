"""No secret in any text that somebody sees."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from infra.redact import MASK, SHORTEST, Redactor

# Values that can't be part of the mask or of a JSON escape by chance.
secrets = st.text(alphabet='qwzQWZ73\n"\\é\U0001f511', min_size=SHORTEST, max_size=20).filter(
    lambda value: len(value.strip()) >= SHORTEST
)
words = st.text(alphabet="abc [].:", max_size=20)


@given(values=st.lists(secrets, min_size=1, max_size=5), around=words)
def test_no_value_survives_in_plain_text_or_in_json(values: list[str], around: str) -> None:
    """Whatever the text, a value is gone, also as JSON writes it."""
    redact = Redactor(values)
    text = around.join(["", *values, ""])

    for shown in (redact(text), redact(json.dumps({"text": text}))):
        for value in values:
            assert value not in shown
            assert json.dumps(value)[1:-1] not in shown


@given(values=st.lists(secrets, max_size=5), text=words)
def test_text_without_a_value_stays_as_it_is(values: list[str], text: str) -> None:
    """Masking hides secrets, and nothing else."""
    assert Redactor(values)(text) == text


def test_each_line_of_a_value_of_several_lines_is_hidden() -> None:
    """A private key is printed line by line, so each of its lines is a secret."""
    redact = Redactor(["-----BEGIN-----\nMIIBcanary\n-----END-----"])

    assert redact("read MIIBcanary from the file") == f"read {MASK} from the file"


def test_a_secret_within_a_longer_one_leaves_no_rest() -> None:
    """The longer one goes first, or half of it would be left to read."""
    assert Redactor(["pass", "password-of-ann"])("password-of-ann, pass") == f"{MASK}, {MASK}"


def test_short_values_are_left() -> None:
    """Masking `on` everywhere would tell where it stands, and spoil every text."""
    assert Redactor(["on", "1", ""])("on line 1") == "on line 1"
