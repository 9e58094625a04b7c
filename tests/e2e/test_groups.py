"""Several process groups and a release command, through the real CLI, while clients ask."""

from __future__ import annotations

import pytest

from tests.e2e.load import Load
from tests.e2e.project import Project

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

GROUPS = """
[processes]
app = "python -m flygate_service"
worker = "sh -c 'eval \\"$WORK\\"'"

[deploy]
release_command = "sh -c 'eval \\"$MIGRATE\\"'"
"""


@pytest.fixture
def grouped(project: Project) -> Project:
    """The project with a worker, and a migration that fails."""
    project.edit("fly.toml", "[http_service]\n", '[http_service]\nprocesses = ["app"]\n')
    project.append("fly.toml", GROUPS)
    project.config("rollout.uptime", "1s")
    project.config("env.WORK", "exec sleep 1000000")
    project.config("env.MIGRATE", "echo migrates; echo cannot reach the database >&2; exit 3")
    return project


def groups(project: Project) -> dict[str, list[int]]:
    """The releases of the machines that serve, by group."""
    found: dict[str, list[int]] = {}
    for machine in project.live():
        found.setdefault(machine["group"], []).append(machine["release"])
    return found


def test_all_groups_go_and_come_back_together(grouped: Project) -> None:
    """A failed migration, a good release, a bad worker, a rollback, forward, another phase."""
    before, release = grouped.kept(), grouped.outputs_of("release")
    with Load(grouped.web) as load:
        failed = grouped.up()
        assert failed.code != 0
        assert "exited with 3" in failed.output
        assert "cannot reach the database" in failed.output
        assert f"{release} serves as before" in failed.output
        assert grouped.kept() == before

        plan = grouped.flygate("plan", "local").ok().output
        assert "unless it exits with 0 nothing else happens" in plan
        grouped.config("env.MIGRATE", "echo migrated 7 tables")
        good = grouped.up().ok()
        assert "migrated 7 tables" in good.output
        assert "exited with 0" in good.output
        first = int(grouped.outputs_of("release")[1:])
        assert groups(grouped) == {"app": [first], "worker": [first]}

        grouped.config("env.WORK", "echo no such queue; exit 4")
        bad = grouped.up()
        assert bad.code != 0
        assert "no such queue" in bad.output
        assert "Its release command has run" in bad.output
        assert groups(grouped) == {"app": [first], "worker": [first]}

        grouped.config("env.WORK", "exec sleep 2000000")
        grouped.up().ok()
        assert groups(grouped) == {"app": [first + 1], "worker": [first + 1]}

        back = grouped.flygate("rollback", "local").ok()
        assert "migrated" not in back.output
        assert groups(grouped) == {"app": [first + 2], "worker": [first + 2]}
        (worker,) = [m for m in grouped.live() if m["group"] == "worker"]
        script = "import json, os; print(json.dumps({'work': os.environ['WORK']}))"
        assert grouped.inside(worker["id"], script) == {"work": "exec sleep 1000000"}

        grouped.flygate("forward", "local").ok()
        grouped.config("phase", "2")
        grouped.config("count.worker", "2")
        grouped.up().ok()
        found = groups(grouped)
        assert {group: len(machines) for group, machines in found.items()} == {
            "app": 2,
            "worker": 2,
        }
        grouped.pulumi("preview", "--stack", "local", "--expect-no-changes").ok()

    assert load.failures == []
    assert [m["name"] for m in grouped.machines_of("flygate-local") if "command" in m["name"]] == []
