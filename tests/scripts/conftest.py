"""A checkout in a temporary folder, with a cache of its own and nothing of Pulumi on the PATH."""

from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.toolchain.checkout import Checkout
from scripts.toolchain.console import Console

MakeProgram = Callable[[Path, str], Path]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """An empty checkout below a folder whose name needs quoting."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin:/bin")
    monkeypatch.delenv("PULUMI_HOME", raising=False)
    root = tmp_path / "it's a checkout"
    root.mkdir(parents=True)
    return Checkout(root=root, cache=tmp_path / "cache")


@pytest.fixture
def console() -> Console:
    """Writes to the captured stdout."""
    return Console()


@pytest.fixture
def make_program() -> MakeProgram:
    """Makes an executable that runs a line of shell."""

    def make(path: Path, line: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)
        return path

    return make
