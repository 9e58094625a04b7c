"""Two at once, and processes that are killed outright."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable

import pytest

from tests.e2e import victims
from tests.e2e.load import Load
from tests.e2e.project import Project

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


def journal(project: Project) -> list[dict[str, str]]:
    path = project.path / ".flygate" / "journal" / f"{project.status()['app']}.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def begin(project: Project, until: str) -> subprocess.Popen[bytes]:
    """`pulumi up` in the background, once its rollout has come to a stage."""
    path = project.path / ".flygate" / "journal" / f"{project.status()['app']}.jsonl"
    before = path.stat().st_size
    process = project.start("up", "--stack", "local", "--yes", "--skip-preview")
    wait_for(lambda: f'"stage": "{until}"' in path.read_text(encoding="utf-8")[before:])
    return process


def wait_for(holds: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)


def test_the_second_of_two_is_refused_with_the_name_of_the_first(project: Project) -> None:
    """Its process and since when; nothing is changed, and `--wait` waits instead."""
    project.config("env.GREETING", "first")
    project.config("rollout.drain", "4s")
    first = begin(project, "launch")

    second = project.flygate("up", "local", "--quiet")
    third = project.pulumi("up", "--stack", "local", "--yes", "--skip-preview")
    patient = project.flygate("up", "local", "--quiet", "--wait", "60s")

    assert first.wait(60) == 0
    assert second.code == 3
    assert f"process {first.pid}" in second.output
    assert "since 20" in second.output
    assert third.code != 0
    assert f"pid {first.pid}" in third.output
    patient.ok()


WHOM = (victims.PULUMI, victims.PLUGIN, victims.ENGINE)


@pytest.mark.parametrize(
    ("who", "stage"),
    [
        ("pulumi", "launch"),
        ("the plugin", "admit"),
        ("all of them", "admit"),
    ],
)
def test_after_kill_9_the_same_command_converges(project: Project, who: str, stage: str) -> None:
    """After `flygate unlock`, if it was Pulumi; nobody who asks notices any of it."""
    project.config("env.GREETING", f"{who} {stage}")
    names = list(WHOM) if who == "all of them" else [who]

    with Load(project.web) as load:
        process = begin(project, stage)
        for name in names:
            assert victims.strike(project, name) or len(names) > 1
        process.wait(60)
        wait_for(lambda: not victims.pids(project, victims.ENGINE))
        unlocked = project.flygate("unlock", "local").ok()
        project.up().ok()

    assert load.failures == []
    assert ("its lock has ended" in unlocked.output) is ("pulumi" in names)
    (machine,) = project.live()
    script = "import json, os; print(json.dumps({'said': os.environ['GREETING']}))"
    assert project.inside(machine["id"], script) == {"said": f"{who} {stage}"}
    project.pulumi("preview", "--stack", "local", "--expect-no-changes").ok()
