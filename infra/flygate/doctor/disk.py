"""Room on the disks that a deployment writes to."""

from __future__ import annotations

from collections.abc import Sequence

from flygate.doctor.facts import Facts
from flygate.doctor.finding import Finding, broken, ok, warning
from flygate.system import space
from flygate.system.space import Room

# Some dozen deployments.
_AMPLE_BYTES = 256 * 1024 * 1024
_REMEDY = "free some space there"


async def examine(facts: Facts) -> Sequence[Finding]:
    """Check that each folder has enough; report two on one disk once."""
    rooms = [Room.of(folder) for folder in space.folders(facts.root, facts.environment)]
    return [judge(room) for room in {room.free_bytes: room for room in reversed(rooms)}.values()]


def judge(room: Room) -> Finding:
    """Judge what is free in a folder."""
    if not room.is_enough:
        return broken(f"{room}: a deployment would be cut off half-way", _REMEDY)
    if room.free_bytes < _AMPLE_BYTES:
        return warning(str(room), _REMEDY)
    return ok(str(room))
