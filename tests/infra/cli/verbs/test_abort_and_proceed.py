"""An operator's decision about a held rollout, typed with a reason that is empty."""

from __future__ import annotations

import asyncio
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from flygate.cli import __main__ as command_line
from flygate.cli.stack import held
from flygate.cli.stack.stack import Stack
from flygate.cli.verbs import abort, proceed
from flygate.commands import unrecorded
from flygate.commands.orders import ABORT, ACCEPT
from flygate.rollout.errors import LockHeldError, NothingHeldError
from flygate.rollout.state import State

from tests.infra.builders import seen


@pytest.fixture
def ordered(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """The orders that Pulumi got; a rollout is held."""
    given: list[dict[str, str]] = []

    def run(_: Stack, *__: str, orders: dict[str, str], **___: Any) -> None:
        given.append(orders)

    machines = [SimpleNamespace(release=2, held="no traffic")]
    monkeypatch.setattr(Stack, "run", run)
    monkeypatch.setattr(Stack, "outputs", lambda _: {"release": "v2"})
    monkeypatch.setattr(abort, "held", lambda _: machines)
    monkeypatch.setattr(proceed, "held", lambda _: machines)
    return given


def test_an_abort_without_a_reason_is_an_abort(
    ordered: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty order would be none: the rollout that shall be taken back would go on."""
    monkeypatch.setattr(sys, "argv", ["flygate", "abort", "prod", "--reason", ""])

    with pytest.raises(SystemExit, match="0"):
        command_line.main()

    assert ordered == [{ABORT: "not wanted"}]


def test_a_rollout_does_not_go_on_without_a_reason(
    ordered: list[dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The ledger keeps why."""
    monkeypatch.setattr(sys, "argv", ["flygate", "proceed", "prod", "--reason", " "])

    with pytest.raises(SystemExit, match="64"):
        command_line.main()

    assert ordered == []
    assert "--reason is empty" in capsys.readouterr().err


def fly_shows(monkeypatch: pytest.MonkeyPatch, state: State) -> None:
    async def app(_: str) -> object:
        return object()

    async def observe(*_: object) -> State:
        return state

    fly = SimpleNamespace(app=app)
    for module in (held, unrecorded):
        monkeypatch.setattr(module, "observe", observe)
    monkeypatch.setattr(held, "_asked", lambda _, question: asyncio.run(question(fly)))


def nothing_is_held(_: Stack) -> None:
    raise NothingHeldError("No rollout of prod is held")


@pytest.mark.parametrize(("serving", "is_accepted"), [(3, True), (2, False)])
def test_a_release_that_a_killed_proceed_left_is_recorded(
    ordered: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch, serving: int, is_accepted: bool
) -> None:
    """Pulumi died before it knew of the release: the same command records it."""
    monkeypatch.setattr(proceed, "held", nothing_is_held)
    fly_shows(monkeypatch, State("shop", (seen(serving),)))
    monkeypatch.setattr(Stack, "config", lambda *_: "shop")
    monkeypatch.setattr(sys, "argv", ["flygate", "proceed", "prod", "--reason", "it is night"])

    with pytest.raises(SystemExit, match="0" if is_accepted else "1"):
        command_line.main()

    assert ordered == ([{ACCEPT: "it is night"}] if is_accepted else [])


def test_a_lock_that_a_dead_pulumi_left_is_named_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """With it no command would do anything."""

    def locked(_: Stack) -> None:
        raise LockHeldError("Pulumi died and left its lock. `flygate unlock prod` ends the lock")

    fly_shows(monkeypatch, State("shop", (seen(2),)))
    monkeypatch.setattr(Stack, "config", lambda *_: "shop")
    monkeypatch.setattr(Stack, "check_unlocked", locked)

    with pytest.raises(LockHeldError, match="flygate unlock prod"):
        held.held(Stack("prod"))
