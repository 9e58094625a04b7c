"""What the last rollout from this checkout came to where it failed: for `flygate status`."""

from __future__ import annotations

from pathlib import Path

from flygate.cli.ending import Run
from flygate.commands.workspace import journal_path, lock_path
from flygate.record import journal
from flygate.record.journal import Event
from flygate.rollout.lock import holder


def told(root: Path, app: str, stack: str) -> str:
    """Why it failed and what to type, or who is at work; empty if it ended well, or none ran."""
    if by := holder.living(lock_path(root, app)):
        return f"A rollout is under way: {by}"
    events = _last_run(journal.read(journal_path(root, app)))
    if not events or any(event.kind == "finished" for event in events):
        return ""
    ending = Run("The rollout", stack, f"flygate up {stack}", events=events).ending()
    return f"The last rollout, at {events[0].at}: {ending.cause}. {ending.remedy}."


def _last_run(events: list[Event]) -> list[Event]:
    """From where the last rollout began; one that was refused was none."""
    begins = [number for number, event in enumerate(events) if event.kind == "started"]
    return [e for e in events[begins[-1] :] if e.kind != "refused"] if begins else []
