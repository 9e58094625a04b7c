"""`make up`: from a fresh clone to a rate-limited service."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Newcomer
from tests.e2e.project import Project

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

# Other tests read these, and the machines, in their own process.
OUTPUTS = ("app", "url", "release", "phase", "image")


def test_a_newcomer_sees_the_limiter_work(newcomer: Newcomer) -> None:
    """The burst is served, the next request refused with all its headers, and hints follow."""
    output = newcomer.first.ok().output

    statuses = re.findall(r"^ +\d+  (\d{3})  ", output, flags=re.M)
    assert statuses == ["200"] * 10 + ["429"]
    assert "Quota exceeded: Try again in 1 second." in output
    assert re.search(r"429  retry-after: \d+ +ratelimit: .*r=0.* ratelimit-policy: .*q=10", output)
    assert ".localhost:" in output
    assert "flygate rollback local" in output
    assert "stop and start ✓" in output  # other tests leave it out
    assert re.search(r"took [\d.]+ s: local Fly [\d.]+ s, stack", output)


def test_a_second_time_nothing_changes(project: Project) -> None:
    """`make up` with nothing changed deploys nothing, and says so."""
    before = project.status()
    assert {name: before[name] for name in OUTPUTS} == {
        name: project.outputs_of(name) for name in OUTPUTS
    }
    assert list(map(lasting, before["machines"])) == list(map(lasting, project.machines()))

    output = project.run("make", "up").ok().output

    assert re.search(r"Resources:\n +5 unchanged", output)
    assert project.status()["release"] == before["release"]
    assert project.live()[0]["id"] == before["machines"][0]["id"]


def lasting(machine: dict[str, Any]) -> dict[str, Any]:
    """What stays while nothing is deployed: a machine sleeps for want of requests."""
    return machine | dict.fromkeys(("state", "healthy", "started_at"))


def test_a_moved_checkout_changes_nothing(project: Project) -> None:
    """No input of Pulumi's depends on where the checkout lies."""
    before = project.outputs_of("release")
    moved = project.path.with_name("moved")
    project.path.rename(moved)
    project.path = moved

    output = project.run("make", "up").ok().output

    assert re.search(r"Resources:\n +5 unchanged", output)
    assert project.outputs_of("release") == before
    with project.web() as web:
        assert web.get("/").json()["release"] == before


def test_pulumi_by_hand_does_the_same(project: Project) -> None:
    """A user who types `pulumi` after `. .flygate/env` gets the same result."""
    project.pulumi("preview", "--stack", "local", "--expect-no-changes").ok()


def test_metrics_are_not_served_by_the_proxy(project: Project) -> None:
    """Prometheus' text is on the private port only."""
    with project.web() as web:
        assert web.get("/metrics").status_code == 404


def test_a_local_fly_that_lost_everything_is_filled_again(project: Project) -> None:
    """Drift as large as it gets: nothing is left, and the next `make up` brings it back."""
    project.flygate("local", "down", "--purge", "--yes").ok()
    project.flygate(*Project.LOCAL_FLY).ok()

    project.run("make", "up").ok()

    assert [state for _, state, _ in project.serving()] == ["serves"]
    project.pulumi("preview", "--stack", "local", "--expect-no-changes").ok()


def test_a_wrong_configuration_is_explained(project: Project) -> None:
    """The key, the value found and what to do; no stack trace."""
    project.config("phase", "7")
    try:
        run = project.up()
    finally:
        project.config("phase", "1")

    assert run.code != 0
    assert "flygate:phase is 7; it must be one of 1, 2, 3" in run.output
    assert "Traceback" not in run.output


def test_without_a_token_pulumi_says_what_to_do(project: Project) -> None:
    """A user who types `pulumi` in a shell without Fly's variables reads what is missing."""
    run = project.run(
        "/bin/sh", "-c", ". .flygate/env; unset FLY_API_TOKEN; exec pulumi preview --stack local"
    )

    assert run.code != 0
    assert "FLY_API_TOKEN is not set" in run.output
    assert "Traceback" not in run.output


def test_the_copy_is_not_this_checkout(project: Project) -> None:
    """The tests leave the developer's own stack alone."""
    assert not project.path.is_relative_to(Path(__file__).resolve().parents[2])
