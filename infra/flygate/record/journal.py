"""The journal: one line of JSON for each thing done or judged, written before it is done.

The screen, the audit trail and the explanation of a failure are all read from it. It describes a
rollout and is no part of it: a line that can't be written is no reason to stop half-way.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from flygate.redaction.redact import Redactor
from flygate.system import private

Kind = Literal[
    "started",  # a rollout begins
    "waiting",  # for the lock
    "step",  # a step is about to be applied
    "output",  # a release command has printed a line
    "done",  # it was applied
    "verdict",  # a gate has judged
    "soak",  # a gate begins to watch: what, how long, by which rules
    "sample",  # what a gate saw on its way to a verdict, to judge it again later
    "extended",  # a soak could not decide and goes on, for longer
    "accepted",  # an operator lets it go on nevertheless
    "held",  # it still could not: an operator must decide
    "failed",  # a step or a gate failed: the way back begins
    "undo",  # a step is about to be undone
    "no-return",  # from here on only forward
    "warning",  # past the point of no return something is left for the next run
    "finished",  # the release stands
    "restored",  # the former release serves as before
    "restore-failed",
    "refused",  # another rollout is under way; nothing was done
]


@dataclass(frozen=True, slots=True)
class Event:
    """One line.

    Attributes:
        at: RFC 3339.
        seconds: since the rollout began.
        release: `v7`.
        stage: the part of the plan.
        machine: a machine's id, or empty.
        text: for people.
        data: the numbers of a verdict or a sample, plain JSON.
    """

    at: str
    seconds: float
    release: str
    kind: Kind
    stage: str
    text: str
    machine: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


class Journal:
    """Appends events to a file and calls listeners, in this order.

    Listeners get an event also if it can't be written (the disk is full), and once the reason.

    Args:
        path: the file; made with its folder.
        release: the release that the events belong to.
        redact: takes secrets out of every text, and out of the data.
        listeners: called with each event once it is on disk.
    """

    def __init__(
        self,
        path: Path,
        release: str,
        redact: Redactor,
        listeners: tuple[Callable[[Event], None], ...] = (),
    ) -> None:
        private.folder(path.parent)
        self._path = path
        self._release = release
        self._redact = redact
        self._listeners = listeners
        self._began = time.monotonic()
        self._is_gap_reported = False

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Call one more listener with the events that follow."""
        self._listeners = (*self._listeners, listener)

    @property
    def redact(self) -> Redactor:
        """The redactor of its texts."""
        return self._redact

    def about(self, release: str) -> None:
        """Let the events that follow belong to another release."""
        self._release = release

    @property
    def seconds(self) -> float:
        """Since the rollout began."""
        return time.monotonic() - self._began

    def write(
        self,
        kind: Kind,
        stage: str,
        text: str,
        machine: str = "",
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """Append one event; it is on disk when this returns, if there is room."""
        event = self._event(kind, stage, text, machine, data or {})
        trouble = self._keep(event)
        for listener in self._listeners:
            listener(event)
        if trouble and not self._is_gap_reported:
            self._is_gap_reported = True
            self.write("warning", "journal", f"{trouble}; what can't be written is shown here only")

    def _event(
        self, kind: Kind, stage: str, text: str, machine: str, data: Mapping[str, Any]
    ) -> Event:
        return Event(
            at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            seconds=round(self.seconds, 2),
            release=self._release,
            kind=kind,
            stage=self._redact(stage),
            text=self._redact(text),
            machine=machine,
            data=self._redact.data(data),
        )

    def _keep(self, event: Event) -> str:
        """Write the event; return why it could not be, or nothing."""
        try:
            private.add_line(self._path, json.dumps(asdict(event)))
        except OSError as exc:
            return f"{exc.strerror}: {exc.filename}"
        return ""


def read(path: Path) -> list[Event]:
    """Read a journal, oldest event first; a torn last line is left out."""
    return list(_events(path.read_text(encoding="utf-8"))) if path.exists() else []


class Tail:
    """Reads what is appended to a journal from now on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = path.stat().st_size if path.exists() else 0

    def new(self) -> list[Event]:
        """Return the events since the last call; a line that is being written comes next time."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            whole, end, _ = file.read().rpartition(b"\n")
        self._offset += len(whole + end)
        return list(_events(whole.decode("utf-8", errors="replace")))


def _events(text: str) -> Iterator[Event]:
    for line in text.splitlines():
        try:
            yield Event(**json.loads(line))
        except (ValueError, TypeError):
            continue
