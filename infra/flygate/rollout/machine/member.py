"""One machine of a release, as the engine speaks of it."""

from __future__ import annotations

from dataclasses import dataclass

from flygate.manifest.group import APP
from flygate.rollout.state import Seen


@dataclass(frozen=True, slots=True)
class Member:
    """A machine of a release.

    Attributes:
        group: its process group.
        since: what its events say of before is another release's, in milliseconds of Fly's clock.
        instance: Fly's id of its config.
        started_at: as in `Seen`.
    """

    name: str
    id: str
    region: str
    instance: str = ""
    started_at: int = 0
    group: str = APP
    since: int = 0

    @classmethod
    def of(cls, machine: Seen) -> Member:
        """Return a machine that was there already."""
        return cls(
            machine.name,
            machine.id,
            machine.region,
            machine.instance,
            machine.started_at,
            machine.group,
        )
