"""`flygate limiter … -`: the key comes on standard input, or it does not."""

from __future__ import annotations

import io
import sys

import pytest
from flygate.cli import __main__ as command_line
from flygate.cli.verbs import limiter
from flygate.fly.admin import Answer
from flygate.rollout.state import CANDIDATE, STANDBY
from flygate.system.errors import ConfigError

from tests.infra.builders import seen


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


def test_the_group_that_serves_the_clients_is_asked() -> None:
    """A worker has no limiter, and a second group that runs the service another one."""
    machines = [
        seen(2, group="web", id="w2", region="lhr"),
        seen(2, group="web", id="w1"),
        seen(2, group="worker", id="k1"),
        seen(2, group="worker", id="k2"),
        seen(2, group="admin", id="a1"),
        seen(3, group="web", id="new", role=CANDIDATE),
        seen(1, group="web", id="old", role=STANDBY, state="stopped"),
    ]

    asked, left_out = limiter.chosen(machines, "shop", "prod", "web")

    assert (asked, left_out) == (["w1", "w2"], "1 of admin, 2 of worker")


@pytest.mark.parametrize("leading", ["", "renamed"])
def test_without_a_known_group_all_are_asked(leading: str) -> None:
    """Rather one that answers 404 than a machine left out in silence."""
    machines = [seen(1, group="web", id="w1"), seen(1, group="worker", id="k1")]

    asked, left_out = limiter.chosen(machines, "shop", "prod", leading)

    assert (sorted(asked), left_out) == (["k1", "w1"], "")


def test_where_nothing_serves_no_machine_is_asked() -> None:
    """And where to look is said."""
    with pytest.raises(ConfigError, match="No machine of shop serves; `flygate status prod`"):
        limiter.chosen([], "shop", "prod", "web")
