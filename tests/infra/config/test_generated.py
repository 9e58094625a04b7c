"""The secrets that nobody chooses."""

from __future__ import annotations

from pathlib import Path

from flygate import config
from flygate.config import generated
from flygate.config.generated import GENERATED
from flygate.fly.admin import check_token

SETTINGS = Path(__file__).resolve().parents[3] / "service" / "flygate_service" / "settings.py"


def test_each_is_one_that_the_service_reads() -> None:
    """By the same name, and a stack takes it."""
    text = SETTINGS.read_text(encoding="utf-8")

    assert [name for name in GENERATED if f'"{name}"' not in text] == []
    assert config.load_secrets({"secrets": dict.fromkeys(GENERATED, "x")})


def test_each_can_be_an_admin_token_and_is_another_one() -> None:
    """Long enough, of letters that a header can carry."""
    made = {check_token(generated.new()) for _ in range(100)}

    assert len(made) == 100
