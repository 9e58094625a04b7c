"""A rollout that is held, and the two commands that decide."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.project import Project

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture
def held(project: Project) -> Iterator[Project]:
    """There is no traffic, so the judge can't decide about the canary."""
    project.config("rollout.strategy", "canary")
    project.config("rollout.soak", "1s")
    project.config("env.GREETING", "unjudged")
    run = project.flygate("up", "local", "--quiet")
    assert run.code == 3, run.output
    assert "flygate proceed" in run.output
    yield project
    project.flygate("abort", "local")


def test_proceed_releases_it_and_keeps_the_reason(held: Project) -> None:
    """With the machine that was held."""
    (candidate,) = [m for m in held.status()["machines"] if m["role"] == "candidate"]

    held.flygate("proceed", "local", "--reason", "it has no traffic at night").ok()

    assert [m["id"] for m in held.live()] == [candidate["id"]]
    assert held.history()[0]["accepted"] == "it has no traffic at night"
    held.pulumi("preview", "--stack", "local", "--expect-no-changes").ok()
    assert held.flygate("proceed", "local", "--reason", "again").code == 1


def test_abort_takes_it_back(held: Project) -> None:
    """The former release serves alone, as before; a rollback would have taken it back instead."""
    release = held.outputs_of("release")
    refused = held.flygate("rollback", "local")
    assert refused.code == 3
    assert "flygate abort local" in refused.output
    assert "pin" not in (held.path / "Pulumi.local.yaml").read_text(encoding="utf-8")

    run = held.flygate("abort", "local", "--reason", "odd").ok()

    assert f"{release} serves as before" in run.output
    assert {m["role"] for m in held.machines()} <= {"live", "standby"}
    assert held.status()["release"] == release
