"""`make clean` where `flygate init` made another stack: nothing of that one is lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.project import Project, Run

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture
def two_stacks(project: Project) -> Iterator[Project]:
    """The project with a stack `demo` beside the local one; as it was before, afterwards."""
    in_shell(project, "./flygate", "init", "demo", "--app", "shop-demo", "--no-input").ok()
    yield project
    project.run("make", "up").ok()
    project.pulumi("stack", "rm", "demo", "--yes").ok()


def in_shell(project: Project, *words: str) -> Run:
    """In a shell that has read `.flygate/env`."""
    return project.run("/bin/sh", "-c", '. .flygate/env && exec "$@"', "sh", *words)


def test_another_stack_keeps_its_state_and_its_secrets(two_stacks: Project) -> None:
    """They can be read after the next `make up`, and the local stack serves as before."""
    show = ("config", "get", "--stack", "demo", "--path", "secrets.ADMIN_TOKEN")
    token = two_stacks.pulumi(*show).ok().output
    before = two_stacks.status()

    said = two_stacks.run("make", "clean").ok().output

    assert "Pulumi's state of demo; the local stack beside it stays, too" in said
    assert not (two_stacks.path / ".venv").exists()
    assert two_stacks.processes() == []

    output = two_stacks.run("make", "up").ok().output
    assert "5 unchanged" in output
    assert two_stacks.pulumi(*show).ok().output == token
    assert two_stacks.status()["release"] == before["release"]
