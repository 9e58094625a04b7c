"""`Settle`: the release stands on a machine."""

from __future__ import annotations

from dataclasses import dataclass

from flygate.fly.owner import OWNER_KEY
from flygate.rollout.execution import Execution
from flygate.rollout.state import (
    ACCEPTED_KEY,
    COUNT_KEY,
    DRIFT_KEY,
    HELD_KEY,
    HOLDER_KEY,
    INSTANCE_KEY,
    LIVE,
    PHASE_KEY,
    PLATFORM_KEY,
    PLATFORM_VERSION,
    RECORD_KEY,
    RECORD_VERSION_KEY,
    RELEASE_KEY,
    RETIRED_KEY,
    ROLE_KEY,
    SECRETS_KEY,
    SHARE_KEY,
)


@dataclass(frozen=True, slots=True)
class Settle:
    """Note on a machine that it is of the new release, and that this stands.

    Attributes:
        name: the machine's.
    """

    name: str
    turn = None

    @property
    def title(self) -> str:
        """Return the title of the step."""
        return f"settle {self.name}"

    async def apply(self, execution: Execution) -> str:
        """One call for all of it: a machine that woke from its standby was of another release."""
        target, member = execution.target, execution.made[self.name]
        notes: dict[str, str | None] = {
            RELEASE_KEY: target.name,
            ROLE_KEY: LIVE,
            COUNT_KEY: str(target.manifest.count),
            DRIFT_KEY: target.drift,
            OWNER_KEY: target.owner or None,
            HOLDER_KEY: target.holder or None,
            PHASE_KEY: str(target.manifest.phase),
            PLATFORM_KEY: PLATFORM_VERSION,
            RETIRED_KEY: None,
            HELD_KEY: None,
            ACCEPTED_KEY: None,
            SHARE_KEY: None,
            INSTANCE_KEY: member.instance or None,
            SECRETS_KEY: execution.secrets or None,
        }
        if execution.record:
            notes[RECORD_KEY] = execution.record.id
            notes[RECORD_VERSION_KEY] = str(execution.record.version)
        await execution.fly.patch_metadata(execution.app, member.id, notes)
        return f"{self.name} is live"

    async def undo(self, execution: Execution) -> None:
        """Nothing: it is past the point of no return."""
