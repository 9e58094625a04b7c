"""An operator's decision about a held rollout, typed with a reason that is empty."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from infra.cli import __main__ as command_line
from infra.cli import abort, proceed
from infra.cli.stack import Stack
from infra.ops.orders import ABORT


@pytest.fixture
def ordered(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """What Pulumi was told; a rollout is held."""
    told: list[dict[str, str]] = []

    def run(_: Stack, *__: str, orders: dict[str, str], **___: Any) -> None:
        told.append(orders)

    held = [SimpleNamespace(release=2, held="no traffic")]
    monkeypatch.setattr(Stack, "run", run)
    monkeypatch.setattr(abort, "held", lambda _: held)
    monkeypatch.setattr(proceed, "held", lambda _: held)
    return told


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
