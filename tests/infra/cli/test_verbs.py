"""The list of verbs: a file each, and a help that imports none of them."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import typer.main
from flygate.cli import verbs
from flygate.cli.__main__ import VERBS, build
from typer.core import TyperGroup


def test_each_file_is_a_verb_and_each_verb_a_file() -> None:
    """Helpers stand elsewhere."""
    assert {module.name for module in pkgutil.iter_modules(verbs.__path__)} == set(VERBS)


def test_the_short_list_says_what_the_whole_command_says() -> None:
    """Names, their lines, and what is hidden."""
    short, whole = (typer.main.get_command(build(words)) for words in (["--help"], []))
    assert isinstance(short, TyperGroup)
    assert isinstance(whole, TyperGroup)

    shown = [
        [(name, command.get_short_help_str(99), command.hidden) for name, command in group.items()]
        for group in (short.commands, whole.commands)
    ]

    assert sorted(shown[0]) == sorted(shown[1])


def test_help_imports_no_verb() -> None:
    """It is there at once: no client, no model, no screen is loaded for it."""
    program = (
        "import sys; from flygate.cli.__main__ import build; build(['--help']);"
        "print(*(name for name in ('flygate.cli.stack', 'httpx', 'pydantic', 'rich.live')"
        " if name in sys.modules))"
    )
    command = [sys.executable, "-P", "-c", program]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert done.stdout.split() == []
