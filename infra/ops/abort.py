"""Taking a held rollout back, as if its gate had failed."""

from __future__ import annotations

from infra.ops.decision import Decision
from infra.ops.rollout import Rollout
from infra.rollout import engine
from infra.rollout.errors import Aborted, RolloutRestored
from infra.rollout.observe import State
from infra.rollout.steps import Adopt
from infra.rollout.undisturbed import undisturbed
from infra.rollout.world import Member


async def abort(rollout: Rollout, decision: Decision, state: State) -> RolloutRestored:
    """Its machines go, and the former values and machines are back.

    A former machine that has started meanwhile has the aborted release's secrets, and is named.

    Args:
        state: what runs.

    Returns:
        What the command ends with: the release was not made.

    Raises:
        RestoreFailed: see `engine.take_back`.
    """
    world = rollout.world
    world.journal.write("started", "rollout", f"{world.target.name} is aborted")
    held = [step.machine for step in decision.undone if isinstance(step, Adopt)]
    world.made = {machine.name: Member.of(machine) for machine in held}
    for machine in state.misled(decision.target.former or 0):
        rollout.warn(
            f"{machine.label} started while the secrets of {decision.target.name} were set, and "
            f"has them still: `fly machine restart {machine.id} -a {world.app}`",
            "secrets",
        )
    reason = Aborted(f"aborted by {rollout.provenance.by}: {rollout.orders.abort}")
    return await undisturbed(engine.take_back(reason, decision.undone, world))
