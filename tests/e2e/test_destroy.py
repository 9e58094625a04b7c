"""`pulumi destroy`: nothing is left."""

from __future__ import annotations

import httpx
import pytest

from tests.e2e.project import Project

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


def test_nothing_is_left(project: Project) -> None:
    """No machine, no app, no process but the local Fly's own; and all of it can come back.

    Unless the stack is protected: from the moment that it is set, by our own word, and from the
    next deployment on by Pulumi's.
    """
    app = project.outputs_of("app")
    project.config("protect", "true")
    refused = project.pulumi("destroy", "--stack", "local", "--yes", "--skip-preview")
    assert refused.code != 0
    assert "pulumi config set protect false --stack local" in refused.output
    assert len(project.live()) == 1

    project.config("env.GREETING", "so that there is a standby machine, too")
    project.up().ok()
    project.pulumi("destroy", "--stack", "local", "--yes", "--exclude-protected")
    assert project.history()[0]["version"] == project.outputs_of("release")
    assert len(project.live()) == 1

    project.config("protect", "false")
    project.up().ok()
    assert len(project.processes()) > 1

    project.pulumi("destroy", "--stack", "local", "--yes").ok()

    url = f"{project.local_fly()}/v1/apps/{app}"
    answer = httpx.get(url, headers=project.authorization, trust_env=False)
    assert answer.status_code == 404
    assert len(project.processes()) == 1

    project.flygate("local", "down").ok()
    assert project.processes() == []

    project.flygate(*Project.LOCAL_FLY).ok()  # as the other tests want it
    project.run("make", "up").ok()
    assert [state for _, state, _ in project.serving()] == ["serves"]
