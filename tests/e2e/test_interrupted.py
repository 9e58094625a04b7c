"""Two at once, and processes that are killed outright."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.e2e import victims
from tests.e2e.crash import wait_for
from tests.e2e.load import Load
from tests.e2e.project import Project

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


# Appended to the service: it serves from the moment that a file is there.
AWAIT = """
import pathlib
import time

while not pathlib.Path({0!r}).exists():
    time.sleep(0.1)
"""


def journal(project: Project) -> list[dict[str, str]]:
    path = project.path / ".flygate" / "journal" / f"{project.outputs_of('app')}.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def begin(project: Project, until: str) -> subprocess.Popen[bytes]:
    """`pulumi up` in the background, once its rollout has come to a stage."""
    path = project.path / ".flygate" / "journal" / f"{project.outputs_of('app')}.jsonl"
    before = path.stat().st_size
    process = project.start("up", "--stack", "local", "--yes", "--skip-preview")
    wait_for(lambda: f'"stage": "{until}"' in path.read_text(encoding="utf-8")[before:])
    return process


def test_the_second_of_two_is_refused_with_the_name_of_the_first(project: Project) -> None:
    """Its process and since when; nothing is changed, and `--wait` waits instead."""
    flag = project.path / "may-serve"
    flag.unlink(missing_ok=True)
    project.append("service/flygate_service/app.py", AWAIT.format(str(flag)))
    project.config("rollout.wait", "5m")
    first = begin(project, "launch")

    second = project.flygate("up", "local", "--quiet")
    third = project.pulumi("up", "--stack", "local", "--yes", "--skip-preview")
    words = ("./flygate", "up", "local", "--quiet", "--wait", "5m")
    patient = project.begin(words, subprocess.DEVNULL)
    flag.touch()

    assert first.wait(120) == 0
    assert patient.wait(120) == 0
    assert second.code == 3
    assert f"process {first.pid}" in second.output
    assert "since 20" in second.output
    assert third.code != 0
    assert f"pid {first.pid}" in third.output


def test_what_a_full_disk_left_ends_with_the_command_that_the_screen_names(
    project: Project,
) -> None:
    """A lock of 0 bytes and half a state, as Pulumi leaves them: `unlock`, then `up`."""
    before, serving = project.history(), [machine["id"] for machine in project.live()]
    state = project.path / ".flygate" / "state" / ".pulumi"
    locks = state / "locks" / "organization" / "flygate" / "local"
    locks.mkdir(parents=True, exist_ok=True)
    (locks / "a470ad6e.json.18eca0553638f2f4.tmp").touch()
    file = state / "stacks" / "flygate" / "local.json"
    whole = file.read_bytes()
    (file.parent / "local.json.bak").write_bytes(whole)
    file.write_bytes(whole[: len(whole) // 2])

    by_hand = project.pulumi("preview", "--stack", "local")
    reported = [project.flygate(*verb) for verb in (("up", "local", "--quiet"), ("status",))]
    unlocked = project.flygate("unlock", "local").ok()
    project.flygate("up", "local", "--quiet").ok()

    assert "unexpected end of JSON input" in by_hand.output
    for run in reported:
        assert run.code == 1
        last = run.output.splitlines()[-1]
        assert f"was cut off at {len(whole) // 2} bytes" in last
        assert "`flygate unlock local`" in last
    assert "its lock has ended" in unlocked.output
    assert project.history() == before
    assert [machine["id"] for machine in project.live()] == serving


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
    """After `flygate unlock`, if it was Pulumi; no client notices any of it."""
    project.config("env.GREETING", f"{who} {stage}")
    names = list(WHOM) if who == "all of them" else [who]

    with Load(project.web) as load:
        process = begin(project, stage)
        for name in names:
            assert victims.strike(project, name) or len(names) > 1
        process.wait(60)
        wait_for(lambda: not victims.pids(project, victims.ENGINE))
        unlocked = project.flygate("unlock", "local").ok()
        reported = project.flygate("plan").ok().output if who == "the plugin" else ""
        before = len(journal(project))
        project.up().ok()

    assert load.failures == []
    if reported:  # what the plan said is what was done
        done = [event for event in journal(project)[before:] if event["kind"] == "step"]
        for event in done:
            assert event["text"].removeprefix(event["stage"].split()[0]).strip() in reported
        assert any(event["text"].startswith("adopt") for event in done)
        assert "(left by a rollout" not in reported
    assert ("its lock has ended" in unlocked.output) is ("pulumi" in names)
    (machine,) = project.live()
    script = "import json, os; print(json.dumps({'said': os.environ['GREETING']}))"
    assert project.inside(machine["id"], script) == {"said": f"{who} {stage}"}
    project.pulumi("preview", "--stack", "local", "--expect-no-changes").ok()


@pytest.fixture
def with_a_clock_of_its_own(project: Project) -> Iterator[Project]:
    """Afterwards its local Fly has the time of this computer again."""
    yield project
    project.restart_local_fly()


def test_a_laptop_that_slept_in_a_soak_touches_nothing_more(
    with_a_clock_of_its_own: Project,
) -> None:
    """Its leases have ended meanwhile: it stops at once, and the same command takes it up again."""
    project = with_a_clock_of_its_own
    project.config("env.GREETING", "slept")
    project.config("rollout.strategy", "canary")
    project.config("rollout.soak", "60s")
    before = project.serving()

    with Load(project.web) as load:
        process = begin(project, "judge")
        (engine,) = victims.pids(project, victims.ENGINE)
        os.kill(engine, signal.SIGSTOP)
        try:
            project.flygate("local", "faults", "clock", "60").ok()
        finally:
            os.kill(engine, signal.SIGCONT)
        assert process.wait(60) != 0

        assert project.serving() == before
        events = journal(project)
        stopped = next(e for e in reversed(events) if e["kind"] == "restore-failed")
        assert stopped["text"] == "nothing more was touched"
        after = events[events.index(stopped) + 1 :]
        assert {event["kind"] for event in after} <= {"sample"}
        project.config("rollout.soak", "0s")
        project.up().ok()

    assert load.failures == []
    assert project.live()[0]["release"] == before[0][2] + 1
