"""`PreviewLog`: shows each line once, though Pulumi runs the program for preview and update."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from flygate.program.preview_note import PreviewNote


class PreviewLog:
    """Logs lines, and notes those of a preview for `flygate plan`, with the state behind them.

    An update that follows its preview repeats no line of it, but with `--debug`:
    Pulumi prints the diagnostics of its resources in an order by chance, so every other time that
    would come after the cause of a failure, which must be read last.

    Args:
        note: of the last preview.
    """

    def __init__(self, note: PreviewNote) -> None:
        self._note = note
        self._state = ""
        is_repeated = not pulumi.runtime.is_dry_run() and note.is_ours
        self._log = pulumi.log.debug if is_repeated else pulumi.log.info

    def info(self, line: str) -> None:
        """Log a line that `flygate plan` does not repeat."""
        self._log(line)

    def stand_on(self, state: str) -> None:
        """Base the plan that follows on this state of the live app.

        Raises:
            MovedError: in an update: the state differs from the one that its preview showed.
        """
        self._state = state
        if pulumi.runtime.is_dry_run():
            self._note.forget()
        else:
            self._note.check(state)

    def plan(self, *lines: str) -> None:
        """Log lines of the plan."""
        for line in lines:
            self._log(line)
        self._write(lines)

    def warn(self, *lines: str) -> None:
        """Log lines of the plan as warnings."""
        for line in lines:
            pulumi.log.warn(line)
        self._write(lines)

    def _write(self, lines: Sequence[str]) -> None:
        if pulumi.runtime.is_dry_run():
            self._note.write(self._state, [*self._note.lines, *lines])
