"""A checkout for the tests of the program."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout that has no more than a fly.toml."""
    text = 'primary_region = "ams"\n[http_service]\ninternal_port = 8080\n'
    (tmp_path / "fly.toml").write_text(text, encoding="utf-8")
    return tmp_path
