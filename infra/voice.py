"""What the program says to people: each line once, though Pulumi runs it for preview and update."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from infra.previewed import Previewed


class Voice:
    """Prints lines, and notes those of a preview for `flygate plan`.

    An update that follows its preview does not say again what that has said, but with `--debug`:
    Pulumi prints the diagnostics of its resources in an order by chance, so every other time that
    would come after the cause of a failure, which must be read last.

    Args:
        note: of the last preview; as it is before the update compares and forgets it.
    """

    def __init__(self, note: Previewed) -> None:
        self._note = note
        is_repeated = not pulumi.runtime.is_dry_run() and note.is_ours
        self._print = pulumi.log.debug if is_repeated else pulumi.log.info

    def say(self, line: str) -> None:
        """Print a line that no plan needs."""
        self._print(line)

    def foretell(self, state: str, lines: Sequence[str]) -> None:
        """Print lines of the plan, which stands on a state of the live app."""
        for line in lines:
            self._print(line)
        self._write(state, lines)

    def warn(self, state: str, lines: Sequence[str]) -> None:
        """Print lines of the plan that must not be overlooked."""
        for line in lines:
            pulumi.log.warn(line)
        self._write(state, lines)

    def _write(self, state: str, lines: Sequence[str]) -> None:
        if pulumi.runtime.is_dry_run():
            self._note.write(state, [*self._note.lines, *lines])
