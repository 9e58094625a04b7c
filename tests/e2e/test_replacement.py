"""Pulumi's own ways to run a Command once more, and to rename one: what runs goes on running."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.load import Load
from tests.e2e.project import Project

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

IN_REDIS = (
    "import json, os, redis; r = redis.from_url(os.environ['REDIS_URL']); print(json.dumps({}))"
)
KINDS = {"app-command": "App", "redis-command": "Redis", "release-command": "Release"}


def urn(name: str) -> str:
    """A Command's."""
    parent = f"flygate:fly:{KINDS[name]}$command:local:Command"
    return f"urn:pulumi:local::flygate::{parent}::{name}"


@pytest.fixture
def two_releases(project: Project) -> Project:
    """A release, and the one before it, without a greeting, that can be rolled back to."""
    project.config("env.GREETING", "after")
    project.up().ok()
    return project


def test_a_tainted_release_is_made_again_and_nothing_is_destroyed(two_releases: Project) -> None:
    """`pulumi state taint`: the preview says what happens, and the history goes on."""
    project = two_releases
    history, addresses = project.history(), project.outputs_of("url")
    project.pulumi("state", "taint", "--stack", "local", urn("release-command"), "--yes").ok()
    preview = project.pulumi("preview", "--stack", "local").ok().output
    assert "none is destroyed by the replacement" in preview
    assert f"launch: v{int(history[0]['version'][1:]) + 1}-iad-1" in preview

    with Load(project.web) as load:
        run = project.up().ok()

    assert load.failures == []
    assert load.served > 20
    assert "stay: " in run.output
    assert len(project.history()) == min(len(history) + 1, 10)
    assert [state for _, state, _ in project.serving()] == ["serves"]
    assert project.outputs_of("url") == addresses
    assert "5 unchanged" in project.up().ok().output
    project.flygate("rollback", "local").ok()
    assert greeting(project) == ""
    project.flygate("forward", "local").ok()


def greeting(project: Project) -> str:
    """The value that the machine has; empty if it has none."""
    script = "import json, os; print(json.dumps(os.environ.get('GREETING', '')))"
    return str(project.inside(project.live()[0]["id"], script))


@pytest.fixture
def with_redis(two_releases: Project) -> Iterator[Project]:
    """The project in phase 3 on one machine, so that it is quick."""
    project = two_releases
    project.config("phase", "3")
    project.config("machines", "1")
    project.up().ok()
    yield project
    project.reset()
    project.up().ok()
    project.flygate("redis", "destroy", "local", "--yes").ok()
    project.up().ok()


def test_all_three_are_replaced_at_once(with_redis: Project) -> None:
    """App, addresses, secrets, Redis with its data, machines: all are the successors' then."""
    project = with_redis
    history, url = project.history(), project.outputs_of("url")
    project.inside(project.live()[0]["id"], IN_REDIS.format("r.set('kept', 'yes')"))
    replace = [part for name in KINDS for part in ("--replace", urn(name))]

    with Load(project.web) as load:
        run = project.pulumi("up", "--yes", "--stack", "local", *replace).ok()

    assert load.failures == []
    assert "3 replaced" in run.output
    assert len(project.history()) == min(len(history) + 1, 10)
    assert project.outputs_of("url") == url
    kept = project.inside(project.live()[0]["id"], IN_REDIS.format("r.get('kept').decode()"))
    assert str(kept) == "yes"
    assert "7 unchanged" in project.up().ok().output
    project.flygate("rollback", "local").ok()
    assert greeting(project) == "after"
    project.flygate("forward", "local").ok()


def test_a_resource_of_another_name_keeps_what_it_has(two_releases: Project) -> None:
    """A later version renames them: its aliases say what they were, and nothing is replaced."""
    project = two_releases
    history, machines = project.history(), project.serving()
    names = "infra/flygate/program/components/names.py"
    project.edit(names, 'RELEASE: Final = "release"', 'RELEASE: Final = "rollout"')
    project.edit(names, "    RELEASE: (),", '    RELEASE: (pulumi.Alias(name="release"),),')
    project.edit(
        names,
        '    f"{RELEASE}-command": (),',
        '    f"{RELEASE}-command": (pulumi.Alias(name="release-command"),),',
    )

    run = project.up().ok()

    assert "replaced" not in run.output
    assert "deleted" not in run.output
    assert (project.history(), project.serving()) == (history, machines)
    project.reset()
    project.edit(names, 'RELEASE: Final = "release"', 'RELEASE: Final = "release" ')


def test_a_destroy_after_a_replacement_leaves_nothing(two_releases: Project) -> None:
    """Also of an app that was changed by hand meanwhile."""
    project = two_releases
    project.pulumi(
        "up", "--yes", "--skip-preview", "--stack", "local", "--replace", urn("release-command")
    ).ok()
    app, machine = project.outputs_of("app"), project.live()[0]["id"]
    project.by_hand("POST", f"/machines/{machine}/cordon")
    project.by_hand("POST", f"/machines/{machine}/stop")

    run = project.pulumi("destroy", "--yes", "--skip-preview", "--stack", "local").ok()

    assert "stay" not in run.output
    assert app not in [one["name"] for one in project.apps()]
    project.up().ok()


def test_a_state_of_flygate_0_1_is_upgraded_without_a_replacement(project: Project) -> None:
    """Recorded before the result had a frame, and the resources aliases: its history goes on.

    What runs is not the recorded release, and is taken over beside it.
    """
    running = project.outputs_of("release")
    for machine in project.machines_of("flygate-local"):  # that version labelled none
        for key in ("flygate_owner", "flygate_holder"):
            project.by_hand("DELETE", f"/machines/{machine['id']}/metadata/{key}")
    recorded = json.loads((Path(__file__).parent / "data" / "state-0.1.json").read_text())
    project.lay_state(recorded)

    shown = project.pulumi("preview", "--stack", "local", "--json").output
    steps = json.loads(shown[shown.index("{") :])["steps"]
    assert {step["op"] for step in steps} <= {"same", "update", "read"}
    with Load(project.web) as load:
        project.up().ok()

    assert load.failures == []
    history = {entry["version"]: entry["rebuilt"] for entry in project.history()}
    assert history["v1"] == ""
    assert running == "v1" or history[running]
    assert "5 unchanged" in project.up().ok().output
