"""Whose an app is: another stack, another state, another name in the same stack."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.e2e.load import Load
from tests.e2e.project import Project

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

OWNER = re.compile(r"takeover '([^']+)'")


@pytest.fixture
def copied(project: Project) -> Iterator[Project]:
    """The project with a second stack, whose file is a copy of the first one's."""
    text = (project.path / "Pulumi.local.yaml").read_text(encoding="utf-8")
    own = "".join(line for line in text.splitlines(True) if "encryptionsalt" not in line)
    (project.path / "Pulumi.copy.yaml").write_text(own, encoding="utf-8")
    project.pulumi("stack", "init", "copy", "--no-select").ok()
    yield project
    project.pulumi("stack", "rm", "copy", "--yes", "--force").ok()
    (project.path / "Pulumi.copy.yaml").unlink(missing_ok=True)


def test_a_copied_stack_changes_nothing_until_it_takes_over(copied: Project) -> None:
    """Preview, update and destroy of the copy leave the app to its owner; a word takes it over."""
    project = copied
    machines, history = project.serving(), project.history()
    copy = ("--stack", "copy")

    with Load(project.web) as load:
        for command in (("preview",), ("up", "--yes", "--skip-preview")):
            refused = project.pulumi(*command, *copy)
            assert refused.code != 0
            assert "belongs to the stack organization/flygate/local" in refused.output
        project.pulumi("destroy", "--yes", "--skip-preview", *copy).ok()
        assert (project.serving(), project.history()) == (machines, history)

        owner = OWNER.search(refused.output)
        assert owner
        project.pulumi("config", "set", "takeover", owner[1], *copy).ok()
        taken = project.pulumi("up", "--yes", *copy).ok()
    assert load.failures == []
    assert f"takes the app over from {owner[1]}" in taken.output
    assert "rebuilt from" in project.flygate("history", "copy").ok().output

    # The former owner sees it, changes nothing, and destroys nothing.
    seen = project.pulumi("preview", "--stack", "local")
    assert seen.code != 0
    assert "belongs to the stack organization/flygate/copy" in seen.output
    serving = {m["id"] for m in project.machines_of("flygate-local")}
    left = project.pulumi("destroy", "--yes", "--skip-preview", "--stack", "local").ok()
    assert "stay" in left.output
    assert {m["id"] for m in project.machines_of("flygate-local")} == serving

    # And back: the app is the copy's until the first stack says the same word.
    project.pulumi("destroy", "--yes", "--skip-preview", *copy).ok()
    assert project.apps() == []
    project.up().ok()


def test_another_state_of_the_same_stack_is_another_owner(project: Project) -> None:
    """A colleague's fresh backend: same names, and it knows nothing of what runs."""
    fresh = project.path / "fresh state"
    fresh.mkdir()
    environment = {"STATE": f"file://{fresh}"}
    login = '. .flygate/env && export PULUMI_BACKEND_URL="$STATE" && exec pulumi "$@"'

    def pulumi(*arguments: str) -> str:
        run = project.run("/bin/sh", "-c", login, "sh", *arguments, extra=environment)
        return run.output

    pulumi("stack", "init", "local", "--no-select")
    refused = pulumi("preview", "--stack", "local")

    assert "of another state than this one" in refused
    assert "pulumi login" in refused


def test_another_app_is_a_move_or_nothing(project: Project) -> None:
    """A mended typo: preview and update refuse; `flygate move` releases there, then leaves."""
    project.config("env.GREETING", "on the former app")
    project.up().ok()
    history, machines = project.history(), project.serving()
    project.pulumi("config", "set", "app", "flygate-new", "--stack", "local").ok()
    for command in (("preview",), ("up", "--yes", "--skip-preview")):
        refused = project.pulumi(*command, "--stack", "local")
        assert refused.code != 0
        assert "flygate move local --app flygate-new" in refused.output
    assert [app["name"] for app in project.apps()] == ["flygate-local"]
    project.pulumi("config", "set", "app", "flygate-local", "--stack", "local").ok()
    assert project.serving() == machines

    # A move that fails leaves all as it was, the configuration too.
    project.append("service/flygate_service/app.py", 'raise RuntimeError("no good")')
    failed = project.flygate("move", "local", "--app", "flygate-new", "--yes")
    project.restore("service/flygate_service/app.py")
    assert failed.code == 2
    assert "flygate-local serves as before" in failed.output
    assert [app["name"] for app in project.apps()] == ["flygate-local"]
    assert (project.serving(), project.history()) == (machines, history)
    assert project.up().ok().output.count("1 updated") == 1  # the app's resource had gone ahead
    assert "5 unchanged" in project.up().ok().output

    project.config("env.GREETING", "on the new app")
    moved = project.flygate("move", "local", "--app", "flygate-new", "--yes").ok()
    assert "flygate-local is gone" in moved.output
    assert [app["name"] for app in project.apps()] == ["flygate-new"]
    assert [entry["version"] for entry in project.history()[1:]] == [
        entry["version"] for entry in history[: 9 if len(history) == 10 else 10]
    ]
    assert "5 unchanged" in project.up().ok().output
    project.flygate("rollback", "local").ok()
    script = "import json, os; print(json.dumps(os.environ['GREETING']))"
    assert str(project.inside(project.live()[0]["id"], script)) == "on the former app"
    project.flygate("forward", "local").ok()
    project.flygate("move", "local", "--app", "flygate-local", "--yes").ok()
