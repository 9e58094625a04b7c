"""`flygate rollback`: code, environment and secrets come back together."""

from __future__ import annotations

import pytest

from tests.e2e.load import Load
from tests.e2e.project import Project

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

API = "service/routes/api.py"


def deploy(project: Project, word: str) -> None:
    """Release a service that tells its code's word, its environment and its secret."""
    project.restore(API)
    tell(project, word)
    project.config("env.GREETING", word)
    project.config("secrets.DEMO_SECRET", f"secret-{word}", secret=True)
    project.up().ok()


def tell(project: Project, word: str) -> None:
    """Make the demo API able to tell what it runs with."""
    project.append(
        API,
        "\n".join(
            [
                "import os",
                "",
                "",
                "def describe() -> dict[str, str]:",
                f'    return {{"code": "{word}", "env": os.environ["GREETING"],',
                '            "secret": os.environ["DEMO_SECRET"]}',
            ]
        ),
    )


def told(project: Project) -> dict[str, str]:
    """What the running machine's own process says of its code, environment and secret."""
    machine = project.live()[0]["id"]
    script = "import json; from service.routes.api import describe; print(json.dumps(describe()))"
    return project.inside(machine, script)


def test_everything_comes_back_together(project: Project) -> None:
    """Old code, environment and secret run again as a new release, until `flygate forward`."""
    deploy(project, "one")
    first = project.status()["release"]
    deploy(project, "two")
    assert told(project) == {"code": "two", "env": "two", "secret": "secret-two"}
    differences = project.flygate("diff").ok().output
    assert '~ env.GREETING: "one" → "two"' in differences
    assert "~ secret DEMO_SECRET\n" in differences

    with Load(project.web) as load:
        run = project.flygate("rollback", "local", "--reason", "two is worse").ok()

    assert told(project) == {"code": "one", "env": "one", "secret": "secret-one"}
    assert load.failures == []
    assert load.served > 20
    newest = project.history()[0]
    assert newest["rollback_of"] == first
    assert newest["reason"] == "two is worse"
    assert f"{first} again" in run.output
    preview = project.pulumi("preview", "--stack", "local", "--expect-no-changes").ok().output
    assert f"pinned to {first}" in preview
    assert "flygate forward local" in preview

    project.flygate("forward", "local").ok()

    assert told(project)["code"] == "two"
    project.pulumi("preview", "--stack", "local", "--expect-no-changes").ok()


def test_an_unknown_release_is_refused(project: Project) -> None:
    """What the ledger has is named; nothing is touched."""
    before = project.status()["release"]

    run = project.flygate("rollback", "local", "--to", "v999")

    assert run.code == 1
    assert "no release v999" in run.output
    assert before in run.output
    assert project.status()["release"] == before
