"""Changes of all kinds under a constant load: each request is answered."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.load import Load
from tests.e2e.project import Project, Run

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


def under_load(project: Project, act: Callable[[], Run]) -> Run:
    """Run something under load; no request may fail."""
    with Load(project.web) as load:
        run = act()
    assert load.failures == []
    assert load.served > 20
    return run


def test_a_change_of_the_configuration_only(project: Project) -> None:
    """The code stays, so does its image; the environment is the new one, on a new machine."""
    before = project.status()
    project.config("env.GREETING", "hello")

    under_load(project, project.up).ok()

    after = project.status()
    assert after["image"] == before["image"]
    assert [m["id"] for m in project.live()] != [m["id"] for m in before["machines"]]
    script = "import json, os; print(json.dumps({'said': os.environ['GREETING']}))"
    assert project.inside(project.live()[0]["id"], script) == {"said": "hello"}


def test_scaling_out_and_in_again(project: Project) -> None:
    """By one number, step by step: a canary of one machine, then the other two."""
    project.config("rollout.strategy", "canary")
    project.config("machines", "3")

    run = under_load(project, project.up).ok()

    assert "(canary): 3 machines in iad" in run.output
    assert "launch 3/3" in run.output
    assert len(project.live()) == 3
    project.forget("machines")
    under_load(project, project.up).ok()
    assert len(project.live()) == 1


@pytest.mark.parametrize(
    ("key", "value", "secret", "said"),
    [
        ("env.RATE_LIMIT_POLICIES", "no.toml", False, "RATE_LIMIT_POLICIES: found 'no.toml'"),
        ("secrets.LOGIN_USERS", "no JSON", True, "LOGIN_USERS: found '(hidden)'"),
    ],
    ids=["a bad env", "a bad secret"],
)
def test_a_value_that_only_the_service_can_refuse(
    project: Project, key: str, value: str, secret: bool, said: str
) -> None:
    """The release fails, says why in the service's own words, and nothing of it is left."""
    release, machines = project.outputs_of("release"), project.kept()
    project.config(key, value, secret=secret)

    run = under_load(project, project.up)

    assert run.code != 0
    assert said in run.output
    last = [line.strip() for line in run.output.splitlines() if "was taken back" in line]
    assert last[-1] == f"All was taken back. {release} serves as before."
    assert project.kept() == machines


def test_a_rollback_starts_the_standby(project: Project) -> None:
    """Inside the window no machine is made, and `flygate forward` goes on from there."""
    old = project.live()[0]["id"]
    project.config("env.GREETING", "new")
    project.up().ok()
    new = project.live()[0]["id"]

    run = under_load(project, lambda: project.flygate("rollback", "local"))

    run.ok()
    assert "again, from standby)" in run.output
    assert [m["id"] for m in project.live()] == [old]
    (kept,) = [m for m in project.machines() if m["id"] == new]
    assert (kept["role"], kept["state"]) == ("standby", "stopped")
    project.flygate("forward", "local").ok()


def test_a_rollback_after_the_window_makes_machines(project: Project) -> None:
    """The standby of two releases ago has gone with the last one."""
    first = project.outputs_of("release")
    project.config("rollout.standby", "0s")
    for word in ("one", "two"):
        project.config("env.GREETING", word)
        project.up().ok()

    run = under_load(project, lambda: project.flygate("rollback", "local", "--to", first, "--fast"))

    run.ok()
    assert f"({first} again, all at once)" in run.output
    assert project.history()[0]["rollback_of"] == first
    project.flygate("forward", "local").ok()
