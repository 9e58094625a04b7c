"""A verb acts on the stack that was named, and on no other: typed as people and scripts do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest
from flygate.cli import __main__ as command_line
from flygate.cli.arguments.stack_name import checked
from flygate.cli.arguments.usage import UsageError
from flygate.cli.stack.stack import Stack

from tests.infra.cli.command_line import Command, commands

ROOT = Path(__file__).resolve().parents[4]

COMMANDS = commands()
# Blank, an option's, a folder's, and one that Pulumi can't have.
TYPED = ("", " ", "-x", "../prod", "a b")
NO_NAMES = (*TYPED, "\t", "--yes", ".", "..", "a/b/c/d", "/", "prod\n", "prod;ls", "ä", "x" * 101)


def type_in(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """The exit code of `flygate …` in this process; no program can be started."""

    def nothing_runs(*arguments: Any, **_: Any) -> NoReturn:
        raise AssertionError(f"started {arguments}")

    monkeypatch.setattr(sys, "argv", ["flygate", *words])
    monkeypatch.setattr(subprocess, "run", nothing_runs)
    monkeypatch.setattr(subprocess, "Popen", nothing_runs)
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    return int(ended.value.code or 0)


@pytest.mark.integration
@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_an_unset_variable_names_no_stack(command: Command, tmp_path: Path) -> None:
    """`flygate … "$STACK"` is a usage error, whatever stack Pulumi has selected."""
    environment = {
        **os.environ,
        # Where a verb that forgot to check would look: nothing is there.
        "PULUMI_BACKEND_URL": tmp_path.as_uri(),
        "FLY_API_BASE_URL": "http://127.0.0.1:9",
        "FLY_FLAPS_BASE_URL": "http://127.0.0.1:9",
    }

    run = subprocess.run(
        [ROOT / "flygate", *command.typed("")],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )

    assert run.returncode == 64, run.stderr
    assert "is empty: is a variable of the shell not set? Nothing was done." in run.stderr
    assert run.stdout == ""


@pytest.mark.parametrize("name", TYPED)
@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_what_can_be_no_stack_is_a_usage_error(
    command: Command, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also after `--`, behind which a name may begin with a dash; no program is started."""
    assert type_in(monkeypatch, *command.typed(name)) == 64
    assert type_in(monkeypatch, *command.typed_after_dashes(name)) == 64


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_no_default_but_local(command: Command) -> None:
    """What is not named is at most the stack of this computer."""
    default = command.stack.default
    assert command.stack.required or default is None or default == "local"


@pytest.mark.parametrize("verb", ["promote", "rollback", "forward", "proceed", "abort", "judge"])
def test_what_changes_another_stack_wants_its_name(
    verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`flygate promote` alone does not mean prod."""
    assert type_in(monkeypatch, verb) == 64


@pytest.mark.parametrize("name", ["local", "prod", "eu-1", "a.b_c", "_x", "acme/shop/prod"])
def test_what_pulumi_can_have(name: str) -> None:
    """With organisation and project, too."""
    assert checked(name) == name
    assert Stack(name).name == name


@pytest.mark.parametrize("name", NO_NAMES)
def test_a_stack_without_a_name_is_never_made(name: str) -> None:
    """By a verb that reads its arguments in its own way, or by a configuration that names one."""
    with pytest.raises(UsageError, match="Nothing was done"):
        Stack(name)
