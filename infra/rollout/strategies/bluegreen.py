"""Blue/green: the new fleet is made beside the old one and proved; only then the old one goes."""

from __future__ import annotations

from infra import duration
from infra.rollout.gates import Healthy, Reachable, Smoke
from infra.rollout.observe import State
from infra.rollout.plan import Plan, Stage, repair, sweep
from infra.rollout.steps import Admit, Launch, Retire, SetSecrets, Settle, Slot
from infra.rollout.target import Target


def plan(state: State, target: Target) -> Plan:
    """The stages of a blue/green rollout."""
    gates = target.manifest.gates
    slots = _slots(target)
    names = tuple(slot.name for slot in slots)
    return Plan(
        stages=(
            *repair(state, target),
            Stage("secrets", (SetSecrets(),)),
            Stage(
                "launch",
                tuple(Launch(slot) for slot in slots),
                gates=(
                    Healthy(duration.seconds(gates.wait)),
                    Smoke(limiter=gates.limiter),
                ),
                judged=names,
            ),
            Stage("admit", tuple(Admit(slot) for slot in slots), (Reachable(),), judged=names),
        ),
        final=(
            Stage("settle", tuple(Settle(slot) for slot in slots)),
            Stage("retire", tuple(Retire(machine) for machine in state.of(target.former or 0))),
            sweep(state, target),
        ),
    )


def _slots(target: Target) -> list[Slot]:
    manifest = target.manifest
    return [
        Slot(target.version, region, number)
        for region in manifest.regions
        for number in range(1, manifest.machines + 1)
    ]
