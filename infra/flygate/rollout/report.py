"""What the operator sees of a rollout, read from the journal's events: one plain line each."""

from __future__ import annotations

import sys
from typing import TextIO

from flygate.record.journal import Event, Kind

_MARKS: dict[Kind, str] = {
    "done": "✓",
    "verdict": "✓",
    "output": "│",
    "waiting": "…",
    "extended": "…",
    "held": "‖",
    "failed": "✗",
    "undo": "↩",
    "warning": "!",
    "finished": "✓",
    "restored": "↩",
    "restore-failed": "✗",
}
# A step is shown when it is done; that it begins matters to the journal only.
HIDDEN: frozenset[Kind] = frozenset({"step", "no-return", "sample"})


class Report:
    """Writes lines to a stream (standard error by default: standard output is the ledger's)."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr

    def __call__(self, event: Event) -> None:
        """Print one event."""
        if event.kind in HIDDEN:
            return
        # The other lines of a failure, such as its log, come with the error at the end.
        text = event.text.splitlines()[0] if event.text else ""
        line = f"{event.release} {event.seconds:5.1f}s {mark(event)} {event.stage:<8} {text}"
        print(line.rstrip(), file=self._stream, flush=True)


def mark(event: Event) -> str:
    """Return the sign of an event's kind."""
    return _MARKS.get(event.kind, "·")
