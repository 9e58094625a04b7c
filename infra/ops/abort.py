"""Taking a held rollout back, as if its gate had failed."""

from __future__ import annotations

from infra.ops.rollout import Rollout
from infra.rollout import engine
from infra.rollout.errors import Aborted, NothingHeld, RolloutRestored
from infra.rollout.observe import CANDIDATE, State
from infra.rollout.steps import Admit, Adopt, Part, Retire, SetSecrets, Step
from infra.rollout.undisturbed import undisturbed
from infra.rollout.world import Member


async def abort(rollout: Rollout, state: State) -> RolloutRestored:
    """Its machines go, and the former values and machines are back.

    Returns:
        What the command ends with: the release was not made.

    Raises:
        NothingHeld: there is none.
        RestoreFailed: see `engine.take_back`.
    """
    world, former = rollout.world, rollout.world.target.former or 0
    held = [m for m in state.machines if m.release > former and m.role == CANDIDATE]
    if not held:
        raise NothingHeld(f"No rollout of {world.app} is held. Nothing was changed.")
    world.journal.write("started", "rollout", f"{world.target.name} is aborted")
    world.made = {m.name: Member.of(m) for m in held}
    steps: list[Step] = [SetSecrets(), *map(Adopt, held), *(Admit(m.name) for m in held)]
    steps += [Retire(m) for m in state.of(former) if not m.serves]
    if any(m.share is not None for m in held):
        steps.append(Part(tuple(world.made), tuple(map(Member.of, state.of(former)))))
    reason = Aborted(f"aborted by {rollout.provenance.by}: {rollout.orders.abort}")
    return await undisturbed(engine.take_back(reason, steps, world))
