"""Running git in a checkout."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from flygate.system.git import git


def test_git_gets_no_secret_of_flygate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository can name programs that git runs: filters, hooks, a watcher of its files."""
    program = tmp_path / "git"
    program.write_text("#!/bin/sh\nenv\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("GIT_AUTHOR_NAME", "ann")
    for name in ("FLY_API_TOKEN", "FLYGATE_SECRETS", "PULUMI_COMMAND_STDOUT", "PULUMI_BACKEND_URL"):
        monkeypatch.setenv(name, "canary-value")

    seen = git(tmp_path, "status")

    assert "canary-value" not in seen
    assert "GIT_AUTHOR_NAME=ann" in seen


def test_without_git_the_answer_is_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A release depends on neither git nor a checkout."""
    assert git(tmp_path, "rev-parse", "HEAD") == ""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git(tmp_path, "status") == ""
