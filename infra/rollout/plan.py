"""(State, Target) → Plan: pure, and plain data. Nothing happens here."""

from __future__ import annotations

from dataclasses import dataclass

from infra.rollout.gates import Gate
from infra.rollout.observe import State
from infra.rollout.steps import Destroy, Retire, Revive, Step
from infra.rollout.target import Target


@dataclass(frozen=True, slots=True)
class Stage:
    """Steps that may run side by side, and what must hold after them.

    Attributes:
        gates: asked one after the other, each about all judged machines at once.
        judged: the names of the new machines that the gates are about.
    """

    name: str
    steps: tuple[Step, ...]
    gates: tuple[Gate, ...] = ()
    judged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """A rollout.

    Attributes:
        stages: can be taken back; a failure here restores.
        final: past the point of no return; a failure here is left for the next run.
    """

    stages: tuple[Stage, ...]
    final: tuple[Stage, ...]

    def lines(self) -> list[str]:
        """The plan for people: a line for each step."""
        steps = [step for stage in (*self.stages, *self.final) for step in stage.steps]
        return [step.title for step in steps]


def repair(state: State, target: Target) -> tuple[Stage, ...]:
    """What must be put right first: the former release serves, a dead rollout is swept up.

    A rollout that was killed leaves its own machines and perhaps cordoned former ones. The
    former release comes back to work before anything of the dead one goes.
    """
    former = target.former or 0
    asleep = [m for m in state.of(former) if not m.serves]
    left_over = [m for m in state.machines if m.release > former]
    return (
        Stage("repair", tuple(Revive(m) for m in asleep)),
        Stage("sweep", tuple(Destroy(m, "left by a rollout that died") for m in left_over)),
    )


def repairs(state: State, target: Target) -> Plan:
    """All that puts the running release right, without a new one."""
    return Plan(stages=repair(state, target), final=(quieten(state, target),))


def quieten(state: State, target: Target) -> Stage:
    """Machines of replaced releases that somebody woke go back to rest."""
    former = target.former or 0
    awake = [m for m in state.machines if m.release < former and m.serves]
    return Stage("quieten", tuple(Retire(m) for m in awake))


def sweep(state: State, target: Target) -> Stage:
    """The standby machines of releases before the former one are no longer needed."""
    former = target.former or 0
    old = [m for m in state.machines if m.release < former]
    return Stage("sweep", tuple(Destroy(m, "older than the standby") for m in old))


def is_converged(state: State, release: int, count: int) -> bool:
    """A release's machines all serve, are as many as they should be, and are alone.

    Nothing else serves, and no rollout that died left anything; standby machines are fine.
    """
    machines = state.of(release)
    others = [m for m in state.machines if m.release != release]
    return (
        len(machines) == count
        and all(m.serves and m.healthy for m in machines)
        and not any(m.serves or m.release > release for m in others)
    )
