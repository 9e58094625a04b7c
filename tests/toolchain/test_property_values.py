"""Secrets and differences in the engine's property maps."""

import pytest

from scripts.toolchain.standins.property_values import (
    Value,
    differences,
    hide,
    is_secret,
    reveal,
    secret,
    secret_texts,
)


def test_secrets_are_revealed_at_any_depth() -> None:
    """A command is given the values, whatever envelopes they came in."""
    wrapped = {"env": {"A": secret("x")}, "list": [secret({"B": secret("y")})], "plain": 1}

    assert reveal(wrapped) == {"env": {"A": "x"}, "list": [{"B": "y"}], "plain": 1}


def test_a_secret_is_wrapped_once() -> None:
    """Wrapping what is secret already changes nothing."""
    once = secret("x")

    assert is_secret(once)
    assert secret(once) == once


def test_secret_texts_are_found_within_json() -> None:
    """A secret document's parts are secret too: a command prints those, not the document."""
    inputs = {"stdin": secret('{"token": "t0ken", "list": ["other"]}'), "create": "echo plain"}

    assert {"t0ken", "other"} <= secret_texts(inputs)
    assert "echo plain" not in secret_texts(inputs)


def test_hidden_texts_leave_nothing_of_a_longer_secret() -> None:
    """A secret that contains another is masked as a whole."""
    assert hide("key=abc123", {"abc", "abc123"}) == "key=[secret]"


def test_short_secrets_are_not_masked() -> None:
    """Masking every `1` would make the message unreadable, and the engine masks none either."""
    assert hide("exit status 1", {"1"}) == "exit status 1"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": "1"}, {"a": "1"}, {}),
        ({"a": "1"}, {"a": "2"}, {"a": "update"}),
        ({}, {"a": "1"}, {"a": "add"}),
        ({"a": "1"}, {}, {"a": "delete"}),
        ({"env": {"A": "1"}}, {"env": {"A": "2", "B": "3"}}, {"env.A": "update", "env.B": "add"}),
        ({"env": {"a.b": "1"}}, {"env": {"a.b": "2"}}, {'env["a.b"]': "update"}),
        ({"list": ["x", "y"]}, {"list": ["x"]}, {"list[1]": "delete"}),
        ({"a": "1"}, {"a": {"b": "1"}}, {"a": "update"}),
        ({"a": secret("1")}, {"a": secret("2")}, {"a": "update"}),
        ({"a": "1"}, {"a": secret("1")}, {"a": "update"}),
    ],
)
def test_differences_name_the_path_and_the_kind(
    old: Value, new: Value, expected: dict[str, str]
) -> None:
    """`preview --diff` shows exactly what changed; becoming secret is a change."""
    assert differences(old, new) == expected
