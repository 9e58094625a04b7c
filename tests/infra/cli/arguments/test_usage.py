"""Arguments that are empty because a variable of the shell is not set."""

from __future__ import annotations

import pytest
from flygate.cli.arguments.usage import UsageError, check_words


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (["rollback", ""], "Argument 2"),
        (["rollback", "prod", "--to", ""], "The value of --to"),
        (["rollback", "prod", "--to="], "The value of --to"),
        (["rollback", "prod", "--to", " \t"], "The value of --to"),
        (["limiter", "unlock", "prod", ""], "Argument 4"),
        (["limiter", "unlock", "prod", "ada", "--address", ""], "The value of --address"),
        (["local", "down", "--purge", "--state", ""], "The value of --state"),
        (["", "prod"], "Argument 1"),
    ],
)
def test_an_empty_argument_is_named(line: list[str], what: str) -> None:
    """It would mean everything, the current folder, or whatever is selected."""
    with pytest.raises(UsageError, match=rf"^{what} is empty: .* Nothing was done\.") as caught:
        check_words(line)
    assert caught.value.exit_code == 64


@pytest.mark.parametrize(
    "line",
    [
        [],
        ["rollback", "prod", "--to", "v7"],
        ["promote", "prod", "--override", ""],
        ["rollback", "prod", "--reason="],
        ["up", "staging", "--wait", ""],
        ["image", "build", "staging", "--", "--build-arg", "", "--label="],
        ["limiter", "peek", "prod", "x-api-key="],
    ],
)
def test_what_may_be_empty(line: list[str]) -> None:
    """Free text that a workflow hands over, and what is meant for another program."""
    check_words(line)
