"""The journal: on disk before it happens, without a secret, readable after a crash."""

from __future__ import annotations

import io
from pathlib import Path

from flygate.record import journal
from flygate.record.journal import Event, Journal
from flygate.redaction.redact import Redactor
from flygate.rollout.report import Report

from tests.support.full_disk import files_of_at_most


def test_events_are_on_disk_before_a_listener_hears_of_them(tmp_path: Path) -> None:
    """What the screen shows survives the end of the process."""
    path = tmp_path / "journal" / "shop.jsonl"
    heard: list[tuple[Event, list[Event]]] = []
    book = Journal(path, "v2", Redactor(), (lambda e: heard.append((e, journal.read(path))),))

    book.write("step", "launch", "launch v2-iad-1")
    book.write("verdict", "health", "passes", "m1")

    assert [(event.kind, on_disk[-1] == event) for event, on_disk in heard] == [
        ("step", True),
        ("verdict", True),
    ]
    assert [event.machine for event in journal.read(path)] == ["", "m1"]


def test_a_secret_is_neither_on_disk_nor_on_the_screen(tmp_path: Path) -> None:
    """Whatever text a failure brings along."""
    path, screen = tmp_path / "shop.jsonl", io.StringIO()
    book = Journal(path, "v2", Redactor(["canary-value"]), (Report(screen),))

    book.write("failed", "rollout", "the log says: key=canary-value")

    assert "canary-value" not in path.read_text() + screen.getvalue()
    assert "key=[secret]" in screen.getvalue()


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    """A process that was killed while it wrote leaves half a line."""
    path = tmp_path / "shop.jsonl"
    Journal(path, "v2", Redactor()).write("started", "rollout", "v1 → v2")
    with path.open("a") as file:
        file.write('{"at": "2026')

    assert [event.text for event in journal.read(path)] == ["v1 → v2"]
    assert journal.read(tmp_path / "none.jsonl") == []


def test_runs_of_an_app_follow_each_other_in_one_file(tmp_path: Path) -> None:
    """The file is the audit trail: nothing is overwritten."""
    path = tmp_path / "shop.jsonl"
    for release in ("v1", "v2"):
        Journal(path, release, Redactor()).write("finished", "rollout", "stands")

    assert [event.release for event in journal.read(path)] == ["v1", "v2"]


def test_the_screen_shows_what_was_done_and_not_what_begins(tmp_path: Path) -> None:
    """One line for each thing done, judged or failed."""
    screen = io.StringIO()
    book = Journal(tmp_path / "shop.jsonl", "v2", Redactor(), (Report(screen),))
    for kind in ("started", "step", "done", "no-return", "failed"):
        book.write(kind, "stage", kind.upper())

    shown = [line.split()[-1] for line in screen.getvalue().splitlines()]
    assert shown == ["STARTED", "DONE", "FAILED"]
    assert "✓" in screen.getvalue().splitlines()[1]


def test_a_full_disk_ends_no_rollout(tmp_path: Path) -> None:
    """The screen shows what the file can't hold, and says once why it has gaps."""
    path, screen = tmp_path / "shop.jsonl", io.StringIO()
    book = Journal(path, "v2", Redactor(), (Report(screen),))
    book.write("started", "rollout", "v1 → v2")

    with files_of_at_most(path.stat().st_size + 20):
        book.write("done", "launch", "v2-iad-1")
        book.write("done", "launch", "v2-iad-2")
    book.write("finished", "rollout", "v2 is released")

    said = screen.getvalue()
    assert [text in said for text in ("v2-iad-1", "v2-iad-2", "v2 is released")] == [True] * 3
    assert said.count(str(path)) == 1
    assert [event.kind for event in journal.read(path)] == ["started", "finished"]
