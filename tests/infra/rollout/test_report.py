"""The screen of a rollout."""

from __future__ import annotations

import io

from flygate.record.journal import Event, Kind
from flygate.rollout.report import Report


def shown(kind: Kind, text: str) -> str:
    stream = io.StringIO()
    Report(stream)(Event("2026-11-24T08:00:00", 1.25, "v7", kind, "launch", text))
    return stream.getvalue()


def test_a_step_is_one_line_once_it_is_done() -> None:
    """What is about to be done matters to the journal, not to the reader."""
    assert shown("step", "launch v7-iad-1") == ""
    assert shown("done", "v7-iad-1 is up") == "v7   1.2s ✓ launch   v7-iad-1 is up\n"


def test_a_failure_is_one_line_too() -> None:
    """Its last lines of log come once, with the error at the end."""
    assert shown("failed", "it died\n  its last lines of log:\n    boom").count("\n") == 1
