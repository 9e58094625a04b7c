"""`flygate plan` and `pulumi up`: what is shown is what is done, or nothing is done."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import time

import pytest

from tests.e2e.project import Project

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


def test_the_plan_tells_what_changes_machine_by_machine(project: Project) -> None:
    """Values, secret names, machines and steps; nothing when nothing changes."""
    assert "Nothing would change" in project.flygate("plan").ok().output
    machine = project.live()[0]

    project.config("env.GREETING", "hello")
    project.config("secrets.DEMO_SECRET", "canary-value", secret=True)
    told = project.flygate("plan").ok().output

    assert '+ env.GREETING: "hello"' in told
    assert "+ secret DEMO_SECRET" in told
    assert "canary-value" not in told
    assert f"{machine['name']} ({machine['id']})" in told
    assert f"retire: {machine['name']}" in told
    found = json.loads(project.flygate("plan", "--json").ok().output)
    assert found["changes"] is True


def test_an_update_is_refused_if_the_app_moved_since_its_preview(project: Project) -> None:
    """Somebody cordoned a machine while the operator read: look again, then say yes."""
    machine = project.live()[0]
    project.config("env.GREETING", "hello")

    with Terminal(project) as screen:
        screen.wait_for("Do you want to perform this update")
        project.by_hand("POST", f"/machines/{machine['id']}/cordon")
        screen.press("\x1b[A\r")  # up to "yes"
        screen.wait_for("changed since the preview")
        assert screen.process.wait(60) != 0

    assert project.live()[0]["id"] == machine["id"]
    project.up().ok()
    assert project.live()[0]["id"] != machine["id"]


class Terminal:
    """`pulumi up` typed on a terminal."""

    def __init__(self, project: Project) -> None:
        self._ours, theirs = pty.openpty()
        script = ". .flygate/env && exec pulumi up --stack local"
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", script],
            cwd=project.path,
            env=project.environment(),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        self.seen = ""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._ours)

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._ours, keys.encode())

    def wait_for(self, words: str) -> None:
        """Read until it has shown these words."""
        deadline = time.monotonic() + 60
        while words not in self.seen:
            assert time.monotonic() < deadline, f"{words!r} is not in: {self.seen}"
            if select.select([self._ours], [], [], 0.2)[0]:
                try:
                    self.seen += os.read(self._ours, 65536).decode(errors="replace")
                except OSError:  # it has ended
                    assert words in self.seen, self.seen
