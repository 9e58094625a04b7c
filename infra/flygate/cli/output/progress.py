"""A rollout on the screen while Pulumi runs: a live tree on a terminal, plain lines elsewhere.

Pulumi's own table shows no more of a command than its last line, so on a terminal its output is
kept back, and shown only if it fails; what is shown is the journal.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text
from rich.tree import Tree

from flygate.record.journal import Event, Tail
from flygate.rollout.report import HIDDEN, mark

LOOK_SECONDS = 0.1
# What a command that was killed had started may hold its output open.
_LAST_LINES_SECONDS = 5.0
_ENDS_BADLY = frozenset({"failed", "restore-failed", "refused"})


@dataclass(frozen=True, slots=True)
class Command:
    """A command to run, and the journal in which it records what it does."""

    words: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    journal: Path


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended, what it wrote into the journal, and the lines that it printed."""

    code: int
    events: list[Event]
    printed: Sequence[str] = ()


def follow(command: Command, events: TextIO | None = None) -> Outcome:
    """Run a command and show how it goes on, to its end: Ctrl-C is for the command to answer.

    Args:
        events: gets one event a line, as JSON; nothing else is shown of them.
    """
    if events:
        return _for_scripts(command, events)
    return _on_a_terminal(command) if sys.stdout.isatty() else _plain(command)


@dataclass
class Progress:
    """The events of a rollout as a tree: stages, and below each what was done and judged."""

    title: str
    _stages: dict[str, list[Event]] = field(default_factory=dict)
    _doing: str = "Pulumi compares what is there with what shall be"

    def add(self, event: Event) -> None:
        """Note an event."""
        if event.kind in {"step", "undo"}:
            self._doing = event.text
        if event.kind not in HIDDEN:
            stage = event.data.get("step") or event.stage
            self._stages.setdefault(str(stage), []).append(event)

    def tree(self) -> Tree:
        """What happened so far."""
        tree = Tree(Text(self.title, style="bold"))
        for stage, events in self._stages.items():
            bad = any(event.kind in _ENDS_BADLY for event in events)
            branch = tree.add(Text(stage, style="red" if bad else "cyan"))
            for event in events:
                branch.add(_line(event))
        return tree

    def live(self) -> RenderableType:
        """The tree, and what is going on now."""
        return Group(self.tree(), Spinner("dots", Text(self._doing, style="dim")))


def _on_a_terminal(command: Command) -> Outcome:
    console = Console(highlight=False)
    progress = Progress(" ".join(command.words[:2]))
    running = _Running(command)
    with Live(progress.live(), console=console, transient=True) as live:
        for event in running.events():
            if event:
                progress.add(event)
            live.update(progress.live())
    if running.seen:
        console.print(progress.tree())
    if running.code != 0:
        console.print("".join(running.printed), markup=False, end="")
    return running.outcome


def _for_scripts(command: Command, stream: TextIO) -> Outcome:
    running = _Running(command, _echo)
    for event in running.events():
        if event:
            print(json.dumps(asdict(event)), file=stream, flush=True)
    return running.outcome


def _plain(command: Command) -> Outcome:
    running = _Running(command, _echo)
    for _ in running.events():
        pass
    return running.outcome


class _Running:
    """A command that runs.

    Args:
        on_line: called with each line that it prints, on another thread.
    """

    def __init__(self, command: Command, on_line: Callable[[str], None] | None = None) -> None:
        self._journal = Tail(command.journal)
        self.seen: list[Event] = []
        self.printed: list[str] = []
        self._on_line = on_line
        self._process = subprocess.Popen(
            command.words,
            cwd=command.folder,
            env=command.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def code(self) -> int:
        """Its exit code, once it has ended."""
        return int(self._process.returncode)

    @property
    def outcome(self) -> Outcome:
        """How it ended."""
        return Outcome(self.code, self.seen, self.printed)

    def events(self) -> Iterator[Event | None]:
        """Each new event, and None whenever some time has passed; ends when the command has."""
        while not self._has_ended():
            yield from self._new()
            yield None
        self._reader.join(_LAST_LINES_SECONDS)
        yield from self._new()

    def _has_ended(self) -> bool:
        """Wait a little. Ctrl-C reaches the command as well, which restores and then ends."""
        with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
            self._process.wait(LOOK_SECONDS)
            return True
        return False

    def _new(self) -> Iterator[Event]:
        events = self._journal.new()
        self.seen += events
        yield from events

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 (a pipe was asked for)
        with self._process.stdout as lines:
            for line in lines:
                self.printed.append(line)
                if self._on_line:
                    self._on_line(line)


def _echo(line: str) -> None:
    print(line, end="", flush=True)


def _line(event: Event) -> Text:
    text = event.text.splitlines()[0] if event.text else event.kind
    style = "red" if event.kind in _ENDS_BADLY else ""
    return Text(f"{mark(event)} {text}  ", style=style).append(f"{event.seconds:.1f}s", style="dim")
