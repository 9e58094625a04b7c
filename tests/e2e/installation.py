"""A copy of the checkout with its toolchain; its packages are installed once for a whole run."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.project import Project

VENV = ".venv"


def installed(path: Path, factory: pytest.TempPathFactory) -> Project:
    """Copy the checkout and bootstrap it.

    The first copy is bootstrapped from nothing, and its `.venv` kept for the next ones, also of
    the other workers of `pytest -n`: to install it takes twenty seconds.
    """
    project, kept = Project.copy_to(path), _shared(factory) / "venv"
    with _locked(kept.with_name("venv.lock")):
        if not kept.exists():
            project.run("scripts/bootstrap").ok()
            _link(path / VENV, kept)
            return project
    _link(kept, path / VENV)
    project.run("scripts/bootstrap").ok()  # mends the paths
    return project


def _shared(factory: pytest.TempPathFactory) -> Path:
    """The folder that all workers of a run see."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _link(venv: Path, target: Path) -> None:
    """Under its name once it is whole."""
    new = target.with_name(f"{target.name}.new")
    shutil.copytree(venv, new, symlinks=True, copy_function=_hard)
    new.rename(target)


def _hard(source: str, target: str) -> None:
    """But for what the bootstrap writes in its place while another copy reads it."""
    if source.endswith(".pth"):
        shutil.copy2(source, target)
    else:
        os.link(source, target)
