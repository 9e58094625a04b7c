"""One copy of the checkout for all end-to-end tests, brought up once by `make up`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.e2e.installation import installed
from tests.e2e.project import Project, Run

pytestmark = pytest.mark.e2e


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A project and what its first `make up` printed."""

    project: Project
    first: Run


@pytest.fixture(scope="session")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    """A fresh copy after its first `make up`, on free ports."""
    # A space in the path: a user's folder may have one.
    project = installed(tmp_path_factory.mktemp("e2e") / "my service", tmp_path_factory)
    try:
        project.flygate(*Project.LOCAL_FLY).ok()
        first = project.run("make", "up")
        first.ok()
        project.config("rollout.wait", "20s")
        # What these prove is tried by that first release, and where it matters.
        project.config("rollout.uptime", "0s")
        project.config("smoke.restart", "false")
        project.remember("Pulumi.local.yaml")
        yield Newcomer(project, first)
    finally:
        project.flygate("local", "down")


@pytest.fixture
def project(newcomer: Newcomer) -> Project:
    """The copy, with a good release of the unchanged sources running."""
    newcomer.project.settle()
    return newcomer.project
