"""A stack that a Flygate of before the packages made is upgraded by a plain `pulumi up`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.project import Project

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

FORMER = Path(__file__).resolve().parents[1] / "data" / "former-stack" / "state.json"


def test_the_state_of_a_former_stack_is_taken_on(project: Project) -> None:
    """Its resources are updated and none is replaced, its history goes on, by one rollout.

    Its machines are gone, as with a Fly that was lost: only the state is of the former version.
    """
    own, url = project.secrets_providers(), project.outputs_of("url")
    project.pulumi("destroy", "--stack", "local", "--yes", "--skip-preview").ok()
    project.import_state(json.loads(FORMER.read_text(encoding="utf-8")), own, url)

    run = project.up().ok()

    assert "created" not in run.output.rpartition("Resources:")[2]
    assert "replaced" not in run.output.rpartition("Resources:")[2]
    assert [one["version"] for one in project.history()] == ["v3", "v2", "v1"]
    assert {machine["release"] for machine in project.live()} == {3}
    assert "5 unchanged" in project.up().ok().output
