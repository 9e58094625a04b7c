"""`flygate plan` and `pulumi up`: what is shown is what is done, or nothing is done."""

from __future__ import annotations

import json
import re

import pytest

from tests.e2e.project import Project
from tests.e2e.terminal import Terminal

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


def test_the_plan_shows_what_changes_machine_by_machine(project: Project) -> None:
    """Values, secret names, machines and steps; nothing when nothing changes."""
    assert "Nothing would change" in project.flygate("plan").ok().output
    machine = project.live()[0]

    project.config("env.GREETING", "hello")
    project.config("secrets.DEMO_SECRET", "canary-value", secret=True)
    reported = project.flygate("plan").ok().output

    assert '+ env.GREETING: "hello"' in reported
    assert "+ secret DEMO_SECRET" in reported
    assert "canary-value" not in reported
    assert re.search(rf"{machine['name']} \({machine['id']}(, suspended)?\)", reported)
    assert f"retire: {machine['name']}" in reported
    found = json.loads(project.flygate("plan", "--json").ok().output)
    assert found["changes"] is True


def test_an_update_is_refused_if_the_app_moved_since_its_preview(project: Project) -> None:
    """Another operator cordoned a machine while the operator read: look again, then say yes."""
    machine = project.live()[0]
    project.config("env.GREETING", "hello")

    with Terminal(project, "pulumi up --stack local") as screen:
        screen.wait_for("Do you want to perform this update")
        project.by_hand("POST", f"/machines/{machine['id']}/cordon")
        screen.press("\x1b[A\r")  # up to "yes"
        screen.wait_for("changed since the preview")
        assert screen.process.wait(60) != 0

    assert project.live()[0]["id"] == machine["id"]
    project.up().ok()
    assert project.live()[0]["id"] != machine["id"]
