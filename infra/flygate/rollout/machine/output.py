"""`Output`: what a machine prints, shown while it runs."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final

from flygate.fly.client import FlyClient
from flygate.fly.errors import FlyError
from flygate.record.journal import Journal
from flygate.redaction.redact import cut, shown

POLL_SECONDS: Final = 1.0
LINE_MAX: Final = 500
# Of one machine; a migration may print a line for each row.
LINES_MAX: Final = 200
_READ_LINE_MAX: Final = 2000


class Output:
    """Writes each line into the journal once, redacted.

    All lines are redacted as one text, since a secret may extend over several, and the newest one
    waits until another follows it or the machine has ended: it may be the beginning of a secret.
    """

    def __init__(self, fly: FlyClient, app: str, machine_id: str, journal: Journal) -> None:
        self._fly = fly
        self._app = app
        self._machine_id = machine_id
        self._journal = journal
        self._lines: list[tuple[str, str]] = []
        self._shown = 0

    async def follow(self) -> None:
        """Show what comes, until it is cancelled."""
        while True:
            await self.show()
            await asyncio.sleep(POLL_SECONDS)

    async def show(self, *, is_over: bool = False) -> None:
        """Show what has come; that Fly gives no log, or one of another form, fails nothing.

        Args:
            is_over: nothing more will come.
        """
        if self._shown > LINES_MAX:
            return
        try:
            found = await self._fly.logs(self._app, self._machine_id)
        except (FlyError, KeyError, TypeError, ValueError):
            return
        self._lines = _joined(self._lines, [(one.timestamp, one.message) for one in found])
        texts = [cut(text.rstrip(), _READ_LINE_MAX) for _, text in self._lines]
        redacted = self._journal.redact.lines(texts)
        ready = len(redacted) if is_over else len(redacted) - 1
        for line in redacted[self._shown : min(ready, LINES_MAX)]:
            self._journal.write("output", "command", shown(line, LINE_MAX), self._machine_id)
        if self._shown <= LINES_MAX < ready:
            text = f"more lines: `fly logs --app {self._app} --machine {self._machine_id}`"
            self._journal.write("output", "command", text, self._machine_id)
        self._shown = max(self._shown, ready)


def _joined(known: list[tuple[str, str]], latest: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return all lines, each once; one that Fly gives late comes last."""
    before, joined = Counter(known), list(known)
    for line in latest:
        if before[line]:
            before[line] -= 1
        else:
            joined.append(line)
    return joined
