"""`flygate promote`: prod runs the very image that another stack proved, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.project import Project, Run

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

API = "service/flygate_service/routes/api.py"


class Prod:
    """A second stack on the same local Fly; the project's own is its staging."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def pulumi(self, *arguments: str) -> Run:
        return self._project.pulumi(*arguments, "--stack", "prod")

    def flygate(self, *arguments: str) -> Run:
        script = '. .flygate/env && exec ./flygate "$@"'
        return self._project.run("/bin/sh", "-c", script, "sh", *arguments)

    def output(self, name: str) -> Any:
        return json.loads(self.pulumi("stack", "output", name, "--json").ok().output)


@pytest.fixture
def prod(project: Project) -> Iterator[Prod]:
    """A stack `prod` that takes from `local` what was healthy there for an hour."""
    stack = Prod(project)
    template = (project.path / "Pulumi.prod.yaml").read_text()
    (project.path / "Pulumi.prod.yaml").write_text(
        "config:\n"
        "  flygate:app: flygate-prod\n"
        "  flygate:rollout: {wait: 20s, drain: 0s}\n"
        "  flygate:promotion: {from: local, soak: 1h}\n"
    )
    stack.pulumi("stack", "init", "--no-select").ok()
    try:
        yield stack
    finally:
        stack.pulumi("destroy", "--yes", "--skip-preview")
        stack.pulumi("stack", "rm", "--yes", "--preserve-config")
        (project.path / "Pulumi.prod.yaml").write_text(template)


def test_prod_runs_what_was_proved_and_nothing_else(project: Project, prod: Prod) -> None:
    """Refused before it soaked; overridden with a reason; then unmoved by what staging does."""
    assert "Run `flygate promote`" in prod.pulumi("preview").output

    refused = prod.flygate("promote", "prod")
    assert refused.code == 1
    assert "flygate:promotion.soak asks for 1h" in refused.output

    run = prod.flygate("promote", "prod", "--override", "fixes the outage").ok()
    assert "prod runs what local proved, as v1." in run.output

    receipt = project.outputs_of("receipt")
    assert prod.output("image") == receipt["image"]
    history = json.loads(prod.flygate("history", "prod", "--json").ok().output)
    assert history[0]["promotion"].endswith("of 1h, overridden: fixes the outage")

    project.append(API, "# staging moves on")
    project.up().ok()
    assert project.outputs_of("receipt")["image"] != receipt["image"]
    # What was promoted is a map like any other: a part of it is set, and the rest stays.
    prod.pulumi("config", "set", "--path", "promotion.soak", "1h").ok()
    prod.pulumi("preview", "--expect-no-changes").ok()

    prod.pulumi("config", "set", "image", project.outputs_of("receipt")["image"]).ok()
    assert "runs only what local proved" in prod.pulumi("preview").output
