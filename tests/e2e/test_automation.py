"""A team's own Python program drives the stack: Pulumi's Automation API."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from pulumi import automation
from pulumi.automation import ConfigValue, OutputValue, Stack

from tests.e2e.conftest import Newcomer
from tests.e2e.project import Project, open_web

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

NAME = "auto"


@pytest.fixture
def sources(newcomer: Newcomer) -> Project:
    """The copy with its sources unchanged; what its own stack runs does not matter here."""
    newcomer.project.reset()
    return newcomer.project


@pytest.fixture
def environment(sources: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process's environment is that of a shell of the copy that has read `.flygate/env`."""
    shell = subprocess.run(
        ["/bin/sh", "-c", ". .flygate/env && exec env -0"],
        cwd=sources.path,
        env=sources.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for variable in filter(None, shell.stdout.split("\0")):
        name, _, value = variable.partition("=")
        monkeypatch.setenv(name, value)


@pytest.fixture
def stack(sources: Project, environment: None) -> Iterator[Stack]:
    """A stack beside `local`, with an app of its own on the same local Fly."""
    (sources.path / f"Pulumi.{NAME}.yaml").write_text(
        "config:\n"
        f"  flygate:app: flygate-{NAME}\n"
        "  flygate:rollout: {wait: 20s, drain: 0s, soak: 0s}\n"
        "  flygate:env: {RATE_LIMIT_RPM: '60', RATE_LIMIT_BURST: '10'}\n"
    )
    stack = automation.create_stack(NAME, work_dir=str(sources.path))
    try:
        yield stack
    finally:
        stack.destroy(show_secrets=False)
        stack.workspace.remove_stack(NAME)
        sources.pulumi("stack", "select", "local").ok()


def test_a_program_previews_deploys_changes_destroys_and_deploys_again(stack: Stack) -> None:
    """One step after the other, in one process; each finds what the one before it left."""
    previewed = stack.preview()
    done = stack.up(show_secrets=False)
    assert done.summary.resource_changes == previewed.change_summary
    first = reported(done.outputs)
    assert first["app"] == (f"flygate-{NAME}", False)
    assert first["history"][1], "is a secret"
    assert answer(first) == ("v1", '"default";q=10;w=10')

    stack.set_config("flygate:env.RATE_LIMIT_BURST", ConfigValue("20"), path=True)
    second = reported(stack.up(show_secrets=False).outputs)
    assert second["url"] == first["url"]
    assert answer(second) == ("v2", '"default";q=20;w=20')

    refreshed = stack.refresh(expect_no_changes=True, show_secrets=False)
    assert set(refreshed.summary.resource_changes or {}) == {"same"}
    assert reported(stack.outputs()) == second

    stack.preview(expect_no_changes=True, refresh=True)
    stack.destroy(show_secrets=False)
    assert stack.outputs() == {}

    again = reported(stack.up(show_secrets=False).outputs)
    assert again.keys() == second.keys()
    assert again["url"] == first["url"]
    assert answer(again) == ("v1", '"default";q=20;w=20')


def reported(outputs: Mapping[str, OutputValue]) -> dict[str, tuple[Any, bool]]:
    """Every output with whether it is a secret."""
    return {name: (output.value, output.secret) for name, output in outputs.items()}


def answer(outputs: Mapping[str, tuple[Any, bool]]) -> tuple[str, str]:
    """The release that answers at the address, as the outputs name it, and its limit."""
    with open_web(outputs["url"][0]) as web:
        got = web.get("/")
    assert got.status_code == 200
    release = str(got.json()["release"])
    assert outputs["release"] == (release, False)
    return release, got.headers["ratelimit-policy"]
