"""`flygate limiter … -`: the key comes on standard input, or it does not."""

from __future__ import annotations

import io
import sys

import pytest
from flygate.cli import __main__ as command_line
from flygate.cli.verbs import limiter
from flygate.fly.admin import Answer


@pytest.mark.parametrize("act", ["peek", "reset", "block", "unlock"])
@pytest.mark.parametrize("given", ["", "\n", "  \n"])
def test_a_key_that_does_not_come_is_no_key(
    act: str, given: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`printf %s "$KEY" | flygate limiter block prod -` with an unset variable asks no machine."""
    monkeypatch.setattr(sys, "argv", ["flygate", "limiter", act, "prod", "-"])
    monkeypatch.setattr(sys, "stdin", io.StringIO(given))

    with pytest.raises(SystemExit, match="64"):
        command_line.main()

    assert "Standard input is empty" in capsys.readouterr().err


def test_what_held_an_account_is_said_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    """Lists are read, and an empty one is nothing."""
    held = {"was_locked": True, "held_by": ["account", "known device"], "still_held_by": []}
    limiter._show([Answer("d89", held)])

    shown = " ".join(capsys.readouterr().out.split())
    assert "yes account; known device nothing" in shown
