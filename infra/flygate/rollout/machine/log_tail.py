"""The last lines that a machine printed, as an operator may read them."""

from __future__ import annotations

from typing import Final

from flygate.fly.client import FlyClient
from flygate.fly.errors import FlyError
from flygate.redaction.redact import Redactor, cut, shown

LINES: Final = 15
LINE_MAX: Final = 500
# A secret may have begun some lines before the last ones, and a line may be as long as it likes.
_READ_LINES: Final = 60
_READ_LINE_MAX: Final = 2000


async def log_tail(fly: FlyClient, app: str, machine_id: str, redact: Redactor) -> list[str]:
    """Return the lines redacted, oldest first; none if Fly does not give them."""
    try:
        lines = await fly.logs(app, machine_id)
    except (FlyError, KeyError):
        return []
    printed = [line.message.rstrip() for line in lines if line.message.strip()][-_READ_LINES:]
    redacted = redact.lines([cut(line, _READ_LINE_MAX) for line in printed])
    return [shown(line, LINE_MAX) for line in redacted[-LINES:]]
