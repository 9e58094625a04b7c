"""A stack as the verbs see it, with a Pulumi that is a line of shell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.cli.stack import PulumiFailed, Stack

pytestmark = pytest.mark.integration

MakeStack = Callable[[str], Stack]


@pytest.fixture
def stack_of(tmp_path: Path) -> MakeStack:
    """Makes a checkout whose `pulumi` runs a line of shell."""

    def make(line: str) -> Stack:
        program = tmp_path / "bin" / "pulumi"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\n{line}\n")
        program.chmod(0o755)
        (tmp_path / ".flygate").mkdir()
        (tmp_path / ".flygate" / "env").write_text(f"PATH='{program.parent}':$PATH\n")
        return Stack("prod", tmp_path)

    return make


def test_a_key_that_is_not_set_is_none(stack_of: MakeStack) -> None:
    """By Pulumi's own words for it."""
    line = "echo \"error: configuration key 'pin' not found for stack 'prod'\" >&2; exit 1"

    assert stack_of(line).config("pin") is None


@pytest.mark.parametrize(
    "said", ["error: no stack named 'prod' found", "error: incorrect passphrase"]
)
def test_what_can_not_be_read_is_not_taken_for_unset(said: str, stack_of: MakeStack) -> None:
    """`flygate forward prdo` does not say that prdo is not pinned."""
    with pytest.raises(PulumiFailed):
        stack_of(f'echo "{said}" >&2; exit 1').config("pin")
