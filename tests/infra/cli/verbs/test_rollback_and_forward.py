"""`flygate rollback` and `forward`: what Pulumi is ordered, and what the stack's file has after."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flygate.cli import __main__ as command_line
from flygate.cli.stack.stack import RunFailedError, Stack
from flygate.cli.verbs import abort, rollback
from flygate.commands.orders import BACK, FORWARD, NO_HOOKS, WAIT, Back
from flygate.config import Pin
from flygate.program.way_back import WayBack, WayBackNote

PIN = Pin(version="v7", manifest="good", by="ann@laptop", at="2026-11-29T12:00:00+00:00")
GONE = WayBack(pin=PIN, serving="v9", release="v7")
STAYS = WayBack(pin=PIN, serving="v10", release="v10", further=("v5",))


class Prod:
    """A stack on paper.

    Attributes:
        chosen: what the program notes when it runs.
        failure: how the run ends, if not well.
        recorded: the pin of the last deployment.
        orders: what Pulumi got.
        file: the pin in the stack's file.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.chosen: WayBack | None = GONE
        self.failure: RunFailedError | None = None
        self.recorded: Pin | None = None
        self.orders: dict[str, str] = {}
        self.file: Any = "as it was"

    def run(self, orders: dict[str, str]) -> None:
        self.orders = orders
        if self.chosen:
            WayBackNote(self.root, "shop").write(self.chosen)
        if self.failure:
            raise self.failure


@pytest.fixture
def prod(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Prod:
    """What the verbs see of it."""
    stack = Prod(tmp_path)

    def run(_: Stack, *__: str, orders: dict[str, str], **___: Any) -> None:
        stack.run(orders)

    def configure(_: Stack, values: dict[str, Any]) -> None:
        stack.file = values["pin"]

    def outputs(_: Stack) -> dict[str, Any]:
        return {"release": "v11", "pin": stack.recorded.model_dump() if stack.recorded else None}

    monkeypatch.setattr(rollback, "WayBackNote", lambda _, app: WayBackNote(tmp_path, app))
    monkeypatch.setattr(Stack, "run", run)
    monkeypatch.setattr(Stack, "configure", configure)
    monkeypatch.setattr(Stack, "outputs", outputs)
    monkeypatch.setattr(Stack, "written", lambda *_: stack.file)
    monkeypatch.setattr(abort, "held", lambda _: [SimpleNamespace(release=11, held="no traffic")])
    monkeypatch.setattr(Stack, "config", lambda _, key: {"app": "shop"}.get(key))
    return stack


def typed(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """The exit code of a command."""
    monkeypatch.setattr(sys, "argv", ["flygate", *words])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    return int(ended.value.code or 0)


def test_where_to_go_is_left_to_the_program(
    prod: Prod, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The verb hands over what was typed; what was chosen it says, and writes down, afterwards."""
    monkeypatch.setenv("FLYGATE_ACTOR", "ann@laptop")

    assert typed(monkeypatch, "rollback", "prod", "--reason", "errors", "--wait", "10m") == 0

    order = Back.parse(prod.orders[BACK])
    assert (order.to, order.reason, order.by, order.fast) == (None, "errors", "ann@laptop", False)
    assert prod.orders[WAIT] == "10m"
    assert NO_HOOKS not in prod.orders
    assert prod.file == PIN.model_dump(mode="json")
    assert "prod runs v7 again, and is pinned, for all who deploy it" in capsys.readouterr().out


def test_a_certain_release_and_flags_are_handed_over(
    prod: Prod, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All in one order."""
    assert typed(monkeypatch, "rollback", "prod", "--to", "v5", "--fast", "--no-hooks") == 0

    order = Back.parse(prod.orders[BACK])
    assert (order.to, order.fast, prod.orders[NO_HOOKS]) == ("v5", True, order.by)
    assert not order.release_command


def test_a_release_command_is_run_if_it_is_typed(
    prod: Prod, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pin that is chosen by the order has it."""
    assert typed(monkeypatch, "rollback", "prod", "--to", "v2", "--release-command") == 0

    assert Back.parse(prod.orders[BACK]).release_command


def test_typed_again_it_says_how_to_go_further(
    prod: Prod, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """That is no failure."""
    prod.chosen = STAYS

    assert typed(monkeypatch, "rollback", "prod") == 0

    assert "Further back: `flygate rollback prod --to v5`" in capsys.readouterr().out


def test_a_failure_leaves_the_file_and_the_choice_of_before_is_forgotten(
    prod: Prod, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that comes to no choice does not pin to that of another run."""
    WayBackNote(prod.root, "shop").write(STAYS)
    prod.chosen, prod.failure = None, RunFailedError("refused", 3, is_held=True)
    assert typed(monkeypatch, "rollback", "prod") == 3
    assert prod.file == "as it was"

    prod.chosen, prod.failure, prod.file = GONE, RunFailedError("failed", 2), "as it was"
    assert typed(monkeypatch, "rollback", "prod") == 2
    assert prod.file == "as it was"


@pytest.mark.parametrize(("words", "file"), [(("rollback",), PIN), (("forward",), None)])
def test_of_what_is_held_the_file_says_what_goes_on(
    words: tuple[str], file: Pin | None, prod: Prod, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`flygate proceed` asks for what the file asks for."""
    prod.recorded = PIN
    prod.failure = RunFailedError("held", 3, is_held=True)

    assert typed(monkeypatch, *words, "prod") == 3

    assert prod.file == (file.model_dump(mode="json") if file else None)


def test_forward_ends_a_pin_that_this_file_never_had(
    prod: Prod, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another checkout rolled back. Where nothing is pinned, nothing is run."""
    assert typed(monkeypatch, "forward", "prod") == 0
    assert prod.orders == {}
    assert "prod is not pinned" in capsys.readouterr().out

    prod.recorded = PIN
    assert typed(monkeypatch, "forward", "prod") == 0
    assert prod.orders == {FORWARD: "1"}
    assert "as v11" in capsys.readouterr().out


@pytest.mark.parametrize("recorded", [PIN, None], ids=["of a forward", "of a rollback"])
def test_an_abort_leaves_the_pin_as_it_was(
    recorded: Pin | None, prod: Prod, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was held had written down what should come; the next deployment must not ask for it."""
    prod.recorded, prod.file = recorded, None if recorded else PIN.model_dump(mode="json")
    prod.failure = RunFailedError("aborted", 2)

    assert typed(monkeypatch, "abort", "prod") == 0

    assert prod.file == (PIN.model_dump(mode="json") if recorded else None)
