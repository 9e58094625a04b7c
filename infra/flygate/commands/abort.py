"""Taking a held rollout back, as if its gate had failed."""

from __future__ import annotations

from flygate.commands.decision import Decision
from flygate.commands.rollout import Rollout
from flygate.rollout import engine
from flygate.rollout.errors import AbortedError, RolloutRestoredError
from flygate.rollout.machine.member import Member
from flygate.rollout.steps import Adopt
from flygate.system.shielding import shielded


async def abort(rollout: Rollout, decision: Decision) -> RolloutRestoredError:
    """Its machines go, and the former values and machines are back.

    Returns:
        What the command ends with: the release was not made.

    Raises:
        RestoreFailedError: see `engine.take_back`.
    """
    world = rollout.world
    world.journal.write("started", "rollout", f"{world.target.name} is aborted")
    held = [step.machine for step in decision.undone if isinstance(step, Adopt)]
    world.made = {machine.name: Member.of(machine) for machine in held}
    reason = AbortedError(f"aborted by {rollout.provenance.by}: {rollout.orders.abort}")
    return await shielded(engine.take_back(reason, decision.undone, world))
