"""`flygate promote`: it says that a stack runs what was proved when it has looked."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from flygate.cli import __main__ as command_line
from flygate.cli.stack.stack import Stack
from flygate.cli.verbs import promote
from flygate.commands.orders import FORWARD
from flygate.config.promotion import Promotion, Receipt

from tests.infra.builders import IMAGE

OTHER = IMAGE.replace("a" * 64, "b" * 64)
AT = datetime(2026, 11, 29, 12, tzinfo=UTC)
RECEIPT = Receipt(stack="local", release="v4", manifest="ab", image=IMAGE, healthy_since=AT)
PIN = {"version": "v7", "manifest": "good", "by": "ann@laptop", "reason": "errors since v8"}


class Prod:
    """A stack on paper.

    Attributes:
        pin: as its last deployment recorded it.
        serves: the image that it has after the deployment.
        orders: what Pulumi got, once for each run.
        file: what the stack's file has.
    """

    def __init__(self) -> None:
        self.pin: dict[str, str] | None = None
        self.serves = IMAGE
        self.orders: list[dict[str, str]] = []
        self.file: dict[str, Any] = {"promotion": {"from": "local", "soak": "0s"}, "pin": PIN}

    def outputs(self) -> dict[str, Any]:
        receipt = RECEIPT.model_copy(update={"stack": "prod", "image": self.serves})
        return {"app": "shop", "pin": self.pin, "receipt": receipt.model_dump(mode="json")}


@pytest.fixture
def prod(monkeypatch: pytest.MonkeyPatch) -> Prod:
    """What staging proved may go there."""
    stack = Prod()
    promotion = Promotion(source="local", soak="0s", receipt=RECEIPT, at=AT)

    def run(_: Stack, *__: str, orders: dict[str, str], **___: Any) -> None:
        stack.orders.append(orders)

    def configure(_: Stack, values: dict[str, Any]) -> None:
        stack.file |= values

    monkeypatch.setattr(promote, "_promotion", lambda *_: promotion)
    monkeypatch.setattr(promote, "_check_health", lambda *_: None)
    monkeypatch.setattr(Stack, "run", run)
    monkeypatch.setattr(Stack, "outputs", lambda _: stack.outputs())
    monkeypatch.setattr(Stack, "config", lambda *_: None)
    monkeypatch.setattr(Stack, "written", lambda _, key: stack.file.get(key))
    monkeypatch.setattr(Stack, "configure", configure)
    return stack


def typed(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """The exit code of `flygate promote prod …`."""
    monkeypatch.setattr(sys, "argv", ["flygate", "promote", "prod", *words])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    return int(ended.value.code or 0)


def test_what_serves_is_named(
    prod: Prod, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And what was promoted stays a map in the stack's file."""
    assert typed(monkeypatch) == 0

    assert "prod runs what local proved, as v4." in capsys.readouterr().out
    assert prod.file["promotion"]["receipt"]["image"] == IMAGE
    assert prod.file["pin"] == PIN


@pytest.mark.parametrize("words", [(), ("--dry-run",)])
def test_a_pinned_stack_is_not_promoted_to(
    words: tuple[str, ...],
    prod: Prod,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It says who pinned it and why, and what ends that; nothing is changed."""
    prod.pin, before = PIN, dict(prod.file)

    assert typed(monkeypatch, *words) == 1

    said = capsys.readouterr().err
    for word in ("v7 by ann@laptop", "errors since v8", "flygate promote prod --forward"):
        assert word in said
    assert (prod.orders, prod.file) == ([], before)


def test_it_can_end_the_pin_and_skip_what_was_fled(
    prod: Prod, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`flygate forward` would deploy the bad release once more before."""
    prod.pin = PIN

    assert typed(monkeypatch, "--forward") == 0

    assert prod.orders == [{FORWARD: "1"}]
    assert prod.file["pin"] is None


def test_what_does_not_run_is_not_said_to(
    prod: Prod, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pulumi succeeded, and something else serves."""
    prod.serves = OTHER

    assert typed(monkeypatch) == 1

    shown = capsys.readouterr()
    assert f"prod runs {OTHER} as v4, and not what local proved" in shown.err
    assert "prod runs what local proved" not in shown.out
