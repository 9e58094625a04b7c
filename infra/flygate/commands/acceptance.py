"""The reasons for which operators let a rollout go on where a gate could not decide.

A rollout can be held at one step after the other, and each time the run that was accepted fails. So
the machines keep the reasons, until the release stands and the ledger has them.
"""

from __future__ import annotations

from flygate.redaction.redact import cut
from flygate.rollout.execution import Execution
from flygate.rollout.state import ACCEPTED_KEY, State

# Fly's metadata has little room.
REASON_MAX = 300
BETWEEN = "; "


async def collect(execution: Execution, state: State) -> str:
    """Return all reasons so far, oldest first, and note this run's on the machines."""
    target, machines = (
        execution.target,
        state.of(execution.target.version, execution.target.manifest_id),
    )
    former = next((m.accepted for m in machines if m.accepted), "")
    reason = cut(execution.journal.redact(target.accepted), REASON_MAX)
    reasons = BETWEEN.join(filter(None, [former, reason]))
    if reason:
        for machine in machines:
            await execution.fly.patch_metadata(execution.app, machine.id, {ACCEPTED_KEY: reasons})
    return reasons
