"""The metadata that makes machines of another tool a release of a stack's. It restarts none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from flygate.adoption.live_app import LiveApp, LiveMachine
from flygate.manifest import Manifest
from flygate.rollout.state import (
    ADOPTED,
    COUNT_KEY,
    INSTANCE_KEY,
    LIVE,
    MANIFEST_KEY,
    PHASE_KEY,
    PLACE_KEY,
    RELEASE_KEY,
    ROLE_KEY,
    SECRETS_KEY,
)
from flygate.rollout.steps import Place

RELEASE: Final = "v1"
_OWN: Final = "flygate_"

Notes = dict[str, str | None]


def marks(live: LiveApp, desired: Manifest) -> Iterator[tuple[LiveMachine, Notes]]:
    """Yield each machine with what is noted on it.

    Args:
        desired: the stack's manifest: which of its groups are changed in place.
    """
    kept = {group.name for group in desired.groups if group.is_kept}
    count, numbers = str(len(live.adoptable)), dict[tuple[str, str], int]()
    for machine in live.adoptable:
        where = (machine.group, machine.region)
        numbers[where] = numbers.get(where, 0) + 1
        place = Place(*where, numbers[where]).name
        notes: Notes = {
            RELEASE_KEY: RELEASE,
            ROLE_KEY: LIVE,
            MANIFEST_KEY: ADOPTED,
            COUNT_KEY: count,
            PHASE_KEY: str(desired.phase),
            INSTANCE_KEY: machine.instance,
            SECRETS_KEY: live.secrets_digest,
        }
        if machine.group in kept and machine.volume:
            notes[PLACE_KEY] = place
        yield machine, notes


def unmarks(machine: LiveMachine) -> Notes:
    """Return the notes that take all of Flygate's metadata off a machine."""
    return {key: None for key in machine.metadata if key.startswith(_OWN)}
