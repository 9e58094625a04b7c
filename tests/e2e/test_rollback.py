"""`flygate rollback`: code, environment and secrets come back together."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.e2e.load import Load
from tests.e2e.project import Project

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

API = "service/flygate_service/routes/api.py"


def deploy(project: Project, word: str) -> None:
    """Release a service that reports its code's word, its environment and its secret."""
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


def reported(project: Project) -> dict[str, str]:
    """What the running machine's own process says of its code, environment and secret."""
    machine = project.live()[0]["id"]
    script = (
        "import json; from flygate_service.routes.api import describe; "
        "print(json.dumps(describe()))"
    )
    return project.inside(machine, script)


def test_everything_comes_back_together(project: Project) -> None:
    """Old code, environment and secret run again as a new release, until `flygate forward`."""
    deploy(project, "one")
    first = project.outputs_of("release")
    deploy(project, "two")
    assert reported(project) == {"code": "two", "env": "two", "secret": "secret-two"}
    differences = project.flygate("diff").ok().output
    assert '~ env.GREETING: "one" → "two"' in differences
    assert "~ secret DEMO_SECRET\n" in differences

    with Load(project.web) as load:
        run = project.flygate("rollback", "local", "--reason", "two is worse").ok()

    assert reported(project) == {"code": "one", "env": "one", "secret": "secret-one"}
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

    assert reported(project)["code"] == "two"
    project.pulumi("preview", "--stack", "local", "--expect-no-changes").ok()


@pytest.fixture
def colleague(project: Project, tmp_path: Path) -> Project:
    """Another operator's checkout of the same stack, from before anything happens."""
    return project.colleague(tmp_path / "colleague's clone")


def test_a_rollback_holds_for_all(project: Project, colleague: Project) -> None:
    """Typed again it changes nothing; a colleague's deployment is stopped; forward is for all."""
    good = project.outputs_of("release")
    project.config("env.GREETING", "bad")
    project.up().ok()
    bad = project.outputs_of("release")
    shutil.copy2(project.path / "Pulumi.local.yaml", colleague.path)  # what git would hold

    run = project.flygate("rollback", "local", "--reason", "errors").ok()
    assert f"rolling back local from {bad} to {good}" in run.output
    assert f"local runs {good} again, and is pinned, for all who deploy it" in run.output
    machines, history = {m["id"] for m in project.live()}, project.history()

    again = project.flygate("rollback", "local", "--reason", "still?").ok()
    assert f"local is back at {good} already" in again.output
    assert "further back" in again.output.lower()
    project.config("pin.reason", "a part of a map is set as in any map")
    assert "5 unchanged" in project.up().ok().output

    for stopped in (colleague.pulumi("preview", "--stack", "local"), colleague.up()):
        assert stopped.code != 0
        for word in (f"pinned to {good} by ", ": errors.", "`flygate forward local`"):
            assert word in stopped.output
    assert f"pinned to {good} by " in colleague.flygate("plan").output
    for verb in ("status", "history"):
        assert f"pinned to {good} by " in colleague.flygate(verb).ok().output
    assert "`pulumi up` is refused" in colleague.flygate("doctor").output
    assert ({m["id"] for m in project.live()}, project.history()) == (machines, history)
    assert "is back at" in colleague.flygate("rollback", "local").ok().output
    assert "5 unchanged" in colleague.up().ok().output

    colleague.flygate("forward", "local").ok()

    assert "pin" not in (colleague.path / "Pulumi.local.yaml").read_text()
    assert colleague.status()["pin"] is None
    stale = project.up()
    assert stale.code != 0
    assert "`pulumi config rm pin --stack local`" in stale.output
    assert "the stack is not pinned" in project.flygate("doctor").output
    project.pulumi("config", "rm", "pin", "--stack", "local").ok()
    assert "5 unchanged" in project.up().ok().output


def test_an_unknown_release_is_refused(project: Project) -> None:
    """What the ledger has is named; nothing is touched."""
    before = project.outputs_of("release")

    run = project.flygate("rollback", "local", "--to", "v999")

    assert run.code == 1
    assert "no release v999" in run.output
    assert before in run.output
    assert project.outputs_of("release") == before
