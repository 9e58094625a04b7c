"""What `flygate status` says of a rollout that did not end well."""

from __future__ import annotations

from pathlib import Path

import pytest
from flygate.cli.output import last_rollout as aftermath
from flygate.commands.workspace import journal_path, lock_path
from flygate.record.journal import Journal, Kind
from flygate.redaction.redact import Redactor
from flygate.rollout.lock.holder import Holder, HolderFile

GATE = "health check of v9-iad-1 (machine 9b): crashed"


def summary_of(root: Path, *events: tuple[Kind, str]) -> str:
    """After a rollout that stood, and then these events."""
    book = Journal(journal_path(root, "shop"), "v9", Redactor())
    for kind, text in (("started", "v7 → v8"), ("finished", "v8 is released"), *events):
        book.write(kind, "rollout", text)  # type: ignore[arg-type]
    return aftermath.summary(root, "shop", "prod")


def test_nothing_is_said_of_a_rollout_that_stood(tmp_path: Path) -> None:
    """Nor where none was."""
    assert aftermath.summary(tmp_path, "shop", "prod") == ""
    assert summary_of(tmp_path) == ""
    assert summary_of(tmp_path, ("refused", "held by ann")) == ""


@pytest.mark.parametrize(
    ("events", "cause", "remedy"),
    [
        (
            [("failed", GATE), ("restored", "v8 serves as before")],
            f"v9 was not released: {GATE}; all was taken back",
            "Mend the cause, then type `flygate up prod` again",
        ),
        (
            [("failed", GATE), ("restore-failed", "secrets: no answer")],
            "taking it back failed as well: secrets: no answer",
            "Type `flygate up prod` again",
        ),
        ([("step", "launch")], "The rollout of v9 was cut off half-way", "`flygate up prod`"),
        ([("held", "too few requests")], "v9 is held: too few", "`flygate abort prod`"),
    ],
)
def test_it_says_what_the_failure_s_last_line_said(
    tmp_path: Path, events: list[tuple[Kind, str]], cause: str, remedy: str
) -> None:
    """Why, and what to type, with the time."""
    said = summary_of(tmp_path, ("started", "v8 → v9"), *events)

    assert said.startswith("The last rollout, at 20")
    assert cause in said
    assert remedy in said


def test_one_that_is_under_way_is_not_taken_for_one_that_was_cut_off(tmp_path: Path) -> None:
    """Who it is; once it has ended without a word, it was cut off."""
    file = HolderFile(lock_path(tmp_path, "shop"))
    file.claim(Holder("v9", "ann@laptop", "2026-11-29T21:00:00+00:00"))

    during = summary_of(tmp_path, ("started", "v8 → v9"))
    file.release()
    after = aftermath.summary(tmp_path, "shop", "prod")

    assert during.startswith("A rollout is under way: flygate v9 by ann@laptop")
    assert "cut off half-way" in after
