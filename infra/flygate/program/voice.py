"""What the program says to people: each line once, though Pulumi runs it for preview and update."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from flygate.program.previewed import Previewed


class Voice:
    """Prints lines, and notes those of a preview for `flygate plan`, with what they stand on.

    An update that follows its preview does not say again what that has said, but with `--debug`:
    Pulumi prints the diagnostics of its resources in an order by chance, so every other time that
    would come after the cause of a failure, which must be read last.

    Args:
        note: of the last preview.
    """

    def __init__(self, note: Previewed) -> None:
        self._note = note
        self._state = ""
        is_repeated = not pulumi.runtime.is_dry_run() and note.is_ours
        self._print = pulumi.log.debug if is_repeated else pulumi.log.info

    def say(self, line: str) -> None:
        """Print a line that no plan needs."""
        self._print(line)

    def stand_on(self, state: str) -> None:
        """What follows is the plan over this state of the live app.

        Raises:
            MovedError: in an update: it is not the state that its preview showed.
        """
        self._state = state
        if pulumi.runtime.is_dry_run():
            self._note.forget()
        else:
            self._note.check(state)

    def foretell(self, *lines: str) -> None:
        """Print lines of the plan."""
        for line in lines:
            self._print(line)
        self._write(lines)

    def warn(self, *lines: str) -> None:
        """Print lines of the plan that must not be overlooked."""
        for line in lines:
            pulumi.log.warn(line)
        self._write(lines)

    def _write(self, lines: Sequence[str]) -> None:
        if pulumi.runtime.is_dry_run():
            self._note.write(self._state, [*self._note.lines, *lines])
