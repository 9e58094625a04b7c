"""An application with SQLite on a volume: what it has written outlives all that is released."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e import notes
from tests.e2e.installation import installed
from tests.e2e.load import Load
from tests.e2e.project import Project
from tests.e2e.test_replacement import urn

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A stack of its own whose service keeps notes on a volume."""
    project = installed(tmp_path_factory.mktemp("notes") / "notes", tmp_path_factory)
    notes.write(project.path / "notes")
    project.append("fly.toml", notes.MOUNT)
    try:
        project.flygate(*Project.LOCAL_FLY).ok()
        project.run("make", "up").ok()
        yield project
    finally:
        project.flygate("local", "down")


def test_a_row_outlives_releases_failures_rollbacks_and_phases(notebook: Project) -> None:
    """Written before each of them, and there after each; only a destroy that says so ends it."""
    project = notebook
    for path, value in notes.CONFIG.items():
        project.config(path, value)
    project.up().ok()
    (machine,) = project.live()
    notes.add(project, "first")

    project.config("env.GREETING", "two")
    plan = project.flygate("plan", "local").ok().output
    assert "restarts in place" in plan
    with Load(project.web) as load:
        project.up().ok()
    # One machine: what asks while it restarts waits or fails, and the plan has said so.
    assert load.served > len(load.failures)
    notes.add(project, "second")
    assert notes.all_of(project) == ["first", "second"]

    project.config("env.SERVICE_APP", "notes.web:broken()")
    bad = project.up()
    assert bad.code != 0
    assert "serves as before" in bad.output
    notes.add(project, "third")
    assert notes.all_of(project) == ["first", "second", "third"]

    project.config("env.SERVICE_APP", "notes.web:app")
    project.flygate("rollback", "local").ok()
    assert notes.all_of(project) == ["first", "second", "third"]
    assert [m["id"] for m in project.live()] == [machine["id"]]
    project.flygate("forward", "local").ok()

    project.config("phase", "2")
    with Load(project.web) as load:
        project.up().ok()
    project.config("env.GREETING", "three")
    with Load(project.web) as load:
        project.up().ok()
    assert load.failures == []  # the other machine serves meanwhile
    assert len(project.live()) == 2
    assert len(project.volumes()) == 2
    assert ["first", "second", "third"] in notes.of_each(project)

    for name in ("release-command", "app-command"):  # Pulumi destroys what it has replaced
        project.pulumi("state", "taint", "--stack", "local", urn(name), "--yes").ok()
    project.up().ok()
    assert len(project.volumes()) == 2
    assert ["first", "second", "third"] in notes.of_each(project)

    refused = project.pulumi("destroy", "--stack", "local", "--yes", "--skip-preview")
    assert refused.code != 0
    assert "flygate destroy local --volumes" in refused.output
    assert len(project.live()) == 2
    project.flygate("destroy", "local", "--yes", "--volumes").ok()
    assert project.apps() == []
