"""The last lines that a machine printed, as an operator may read them."""

from __future__ import annotations

from flygate.fly.errors import FlyError
from flygate.redaction.redact import cut, shown
from flygate.rollout.world import World

LINES = 15
LINE_MAX = 500
# A secret may have begun some lines before the last ones, and a line may be as long as it likes.
_READ_LINES = 60
_READ_LINE_MAX = 2000


async def log_tail(world: World, machine_id: str) -> list[str]:
    """Redacted, oldest first; none if Fly does not give them."""
    try:
        lines = await world.fly.logs(world.app, machine_id)
    except (FlyError, KeyError):
        return []
    said = [line.message.rstrip() for line in lines if line.message.strip()][-_READ_LINES:]
    told = world.journal.redact.lines([cut(line, _READ_LINE_MAX) for line in said])
    return [shown(line, LINE_MAX) for line in told[-LINES:]]
