"""A stack as the verbs see it, with a Pulumi that is a line of shell."""

from __future__ import annotations

import json
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


def test_a_map_is_written_as_a_map(stack_of: MakeStack, tmp_path: Path) -> None:
    """As text, `pulumi config set --path` of a part of it would lose all other parts."""
    stack = stack_of(f'printf "%s\\n" "$@" >> {tmp_path}/said')
    (tmp_path / "Pulumi.prod.yaml").write_text("config:\n  flygate:pin: {version: v7}\n")

    stack.configure({"promotion": {"from": "local", "soak": "1h"}, "image": "x", "pin": None})
    stack.configure({"takeover": None})  # it is not there

    said = (tmp_path / "said").read_text().splitlines()
    assert json.loads(said[3]) == {
        "flygate:promotion": {
            "value": '{"from": "local", "soak": "1h"}',
            "objectValue": {"from": "local", "soak": "1h"},
            "secret": False,
        },
        "flygate:image": {"value": "x", "secret": False},
    }
    assert said[6:9] == ["config", "rm", "pin"]
    assert len(said) == 11
