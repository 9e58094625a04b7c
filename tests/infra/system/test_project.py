"""Where the project is: the checkout, or the nearest folder with Pulumi.yaml."""

from __future__ import annotations

from pathlib import Path

import pytest
from flygate.system import project
from flygate.system.project import NoProjectError, NotSetUpError

ROOT = Path(__file__).parents[3]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package is in no checkout; the working directory is two levels deep."""
    monkeypatch.setattr(project, "_CHECKOUT", tmp_path / "lib")
    here = tmp_path / "shop" / "deep"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    return here


def test_a_checkout_is_its_own_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From any folder."""
    monkeypatch.chdir(tmp_path)

    assert project.root() == ROOT


def test_an_installed_package_looks_upwards(installed: Path) -> None:
    """The nearest one counts."""
    (installed.parents[1] / "Pulumi.yaml").touch()
    (installed.parent / "Pulumi.yaml").touch()

    assert project.root() == installed.parent


def test_without_a_project_it_says_where_it_looked(installed: Path) -> None:
    """And what to do."""
    with pytest.raises(NoProjectError, match=f"{installed} or above it.*cd"):
        project.root()


def test_a_project_that_is_not_set_up_is_named_so(tmp_path: Path) -> None:
    """Not by a failed shell."""
    with pytest.raises(NotSetUpError, match="make up"):
        project.environment(tmp_path)
