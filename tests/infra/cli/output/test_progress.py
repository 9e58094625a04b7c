"""What an operator sees of a rollout while it runs: on a terminal, in a pipe, in a script."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from flygate.record.journal import Event, Kind

pytestmark = pytest.mark.integration

# A stand-in for `pulumi up`: it prints, writes a journal, waits for a sign to go on, and ends.
PULUMI = """
import json, pathlib, signal, sys, time
journal, go, code = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
signal.signal(signal.SIGINT, lambda *_: print("pulumi: restoring", flush=True))
print("pulumi: updating", flush=True)
for line in pathlib.Path(sys.argv[4]).read_text().splitlines():
    with journal.open("a") as file:
        file.write(line + "\\n")
while not go.exists():
    time.sleep(0.02)
print("pulumi: done", flush=True)
sys.exit(code)
"""
FOLLOW = """
import os, sys
from pathlib import Path
from flygate.cli.output import progress
from flygate.cli.output import screen
folder, code, as_json = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "json"
words = [sys.executable, "pulumi.py", "journal.jsonl", "go", code, "events.jsonl"]
events = screen.claim_output() if as_json else None
outcome = progress.follow(
    progress.Command(words, folder, os.environ, folder / "journal.jsonl"), events
)
print(f"code {outcome.code}, {len(outcome.events)} events", flush=True)
"""


def _event(kind: Kind, stage: str, text: str) -> str:
    event = Event("2026-11-24T08:00:00.000+00:00", 1.5, "v7", kind, stage, text)
    return json.dumps({field: getattr(event, field) for field in event.__slots__})


EVENTS = [
    _event("started", "rollout", "v6 → v7"),
    _event("step", "launch", "launch v7-iad-1"),
    _event("done", "launch", "v7-iad-1 is up"),
]


class Screen:
    """`progress.follow` running with a terminal, or with pipes."""

    def __init__(self, folder: Path, code: int = 0, *, terminal: bool, as_json: bool = False):
        (folder / "pulumi.py").write_text(PULUMI)
        (folder / "events.jsonl").write_text("\n".join(EVENTS))
        # Another rollout's event, which is none of this one's business.
        (folder / "journal.jsonl").write_text(_event("finished", "rollout", "long ago") + "\n")
        self._folder = folder
        self._ours, theirs = pty.openpty() if terminal else os.pipe()
        words = [sys.executable, "-P", "-c", FOLLOW, str(folder), str(code)]
        self.process = subprocess.Popen(
            [*words, "json" if as_json else "text"],
            stdout=theirs,
            stderr=subprocess.STDOUT if terminal else subprocess.PIPE,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
            start_new_session=True,
            text=True,
        )
        os.close(theirs)
        self.seen = ""

    def wait_for(self, words: str) -> None:
        """Read until it has shown these words."""
        deadline = time.monotonic() + 20
        while words not in self.seen:
            assert time.monotonic() < deadline, f"{words!r} is not in: {self.seen}"
            if select.select([self._ours], [], [], 0.1)[0]:
                self.seen += os.read(self._ours, 65536).decode()

    def go_on(self) -> None:
        """Let the command end."""
        (self._folder / "go").touch()

    def close(self) -> None:
        """End it, if it has not."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        os.close(self._ours)


def test_a_terminal_shows_the_tree_while_it_grows(tmp_path: Path) -> None:
    """What was done, and what is being done; Pulumi's own table stays away."""
    screen = Screen(tmp_path, terminal=True)
    try:
        screen.wait_for("v7-iad-1 is up")
        screen.wait_for("launch v7-iad-1")
        screen.go_on()
        screen.wait_for("code 0, 3 events")
    finally:
        screen.close()
    assert "pulumi:" not in screen.seen
    assert "long ago" not in screen.seen


def test_a_terminal_shows_what_pulumi_said_when_it_failed(tmp_path: Path) -> None:
    """Nothing that explains a failure is kept back."""
    screen = Screen(tmp_path, 1, terminal=True)
    try:
        screen.go_on()
        screen.wait_for("pulumi: done")
        screen.wait_for("code 1")
    finally:
        screen.close()


def test_a_pipe_gets_pulumis_own_lines(tmp_path: Path) -> None:
    """CI keeps the log that it knows."""
    screen = Screen(tmp_path, terminal=False)
    try:
        screen.wait_for("pulumi: updating")
        screen.go_on()
        screen.wait_for("code 0, 3 events")
    finally:
        screen.close()


def test_a_script_gets_events_and_nothing_else(tmp_path: Path) -> None:
    """Each line of standard output is JSON, while it happens."""
    screen = Screen(tmp_path, terminal=False, as_json=True)
    try:
        screen.wait_for("v7-iad-1 is up")
        screen.go_on()
        screen.process.wait(20)
    finally:
        screen.close()
    events = [json.loads(line) for line in screen.seen.splitlines()]
    assert [event["kind"] for event in events] == ["started", "step", "done"]


def test_ctrl_c_lets_pulumi_restore_and_waits_for_it(tmp_path: Path) -> None:
    """The command is not killed half-way: its own last words are seen."""
    screen = Screen(tmp_path, 2, terminal=False)
    try:
        screen.wait_for("pulumi: updating")
        os.killpg(screen.process.pid, signal.SIGINT)
        screen.wait_for("pulumi: restoring")
        screen.go_on()
        screen.wait_for("pulumi: done")
        screen.wait_for("code 2, 3 events")
    finally:
        screen.close()
