"""The last rollout from this checkout, where it failed: for `flygate status`."""

from __future__ import annotations

from pathlib import Path

from flygate.cli.output.failed_run import FailedRun
from flygate.commands.workspace import journal_path, lock_path
from flygate.record import journal
from flygate.record.journal import Event
from flygate.rollout.lock import holder


def summary(root: Path, app: str, stack: str) -> str:
    """Return why it failed and what to type, or who is at work; empty if it went well."""
    if by := holder.living(lock_path(root, app)):
        return f"A rollout is under way: {by}"
    events = _last_run(journal.read(journal_path(root, app)))
    if not events or any(event.kind == "finished" for event in events):
        return ""
    found = FailedRun("The rollout", stack, f"flygate up {stack}", events=events).diagnosis()
    return f"The last rollout, at {events[0].at}: {found.cause}. {found.remedy}."


def _last_run(events: list[Event]) -> list[Event]:
    """Return the events from where the last rollout began; refused ones do not count."""
    begins = [number for number, event in enumerate(events) if event.kind == "started"]
    return [e for e in events[begins[-1] :] if e.kind != "refused"] if begins else []
