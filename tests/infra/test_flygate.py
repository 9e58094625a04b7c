"""The `flygate` command as a process: how it ends when it is used wrongly."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.integration


def flygate(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "flygate", *arguments], capture_output=True, text=True, check=False, timeout=30
    )


def test_help_is_no_failure_and_shows_examples() -> None:
    """Every verb is listed under the name that users type."""
    run = flygate("--help")

    assert run.returncode == 0
    assert "Usage: flygate" in run.stdout
    assert "flygate rollback local" in run.stdout


@pytest.mark.parametrize("arguments", [["nosuch"], ["rollback"], ["status", "--nosuch"]])
def test_a_mistyped_command_is_no_outcome_of_a_rollout(arguments: list[str]) -> None:
    """2 says that a release was taken back; a typing error has a code of its own."""
    run = flygate(*arguments)

    assert run.returncode == 64
    assert "Usage: flygate" in run.stderr
