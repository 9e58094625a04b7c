"""(State, Target) → Plan: pure, and plain data. Nothing happens here."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from flygate.rollout.gates.gate import Gate
from flygate.rollout.state import LIVE, STANDBY, Seen, State
from flygate.rollout.steps import (
    Destroy,
    DestroyCommand,
    ResetSecrets,
    Retire,
    Revive,
    SetSecrets,
    Step,
)
from flygate.rollout.target import Target

# Each release kept as standby costs a lease, a line on the screen and its machines' disks.
STANDBY_RELEASES_MAX: Final = 3


@dataclass(frozen=True, slots=True)
class Stage:
    """Steps that may run side by side, and what must hold after them.

    Attributes:
        gates: run one after the other, each on all judged machines at once.
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
        way: how it is done, for people.
    """

    stages: tuple[Stage, ...]
    final: tuple[Stage, ...]
    way: str = ""

    def lines(self) -> list[str]:
        """Return the plan for people: a line for each step."""
        steps = [step for stage in (*self.stages, *self.final) for step in stage.steps]
        return [step.title for step in steps]


def repair(state: State, target: Target, used: Collection[Seen] = ()) -> tuple[Stage, ...]:
    """Return what must be put right first: the former release serves, a dead rollout is swept up.

    A rollout that was killed leaves its own machines and perhaps cordoned former ones. The
    former release comes back to work before anything of the dead one goes.

    Args:
        used: machines of the dead one that the new one goes on with.
    """
    # One that a dead rollout had begun to retire may serve still, and is noted as a standby.
    asleep = [m for m in state.of(target.former or 0) if not m.serves or m.role == STANDBY]
    # A machine that starts reads the app's secrets, and a dead rollout may have set its own.
    return (
        clear_commands(state, target),
        Stage("repair", (ResetSecrets(),) if asleep else ()),
        Stage("repair", tuple(Revive(m) for m in asleep)),
        Stage("sweep", tuple(clear(state, target, used))),
    )


def clear(state: State, target: Target, used: Collection[Seen] = ()) -> list[Destroy]:
    """Destroy what a dead rollout left, but for what stands in for the former release."""
    stay = (*used, *standing_in(state, target))
    left_over = [
        m
        for m in state.machines
        # A machine with a place may be the former release's, changed by the dead rollout.
        if m.release > (target.former or 0) and m not in stay and not m.place
    ]
    return [Destroy(m, "left by a rollout that died") for m in left_over]


def clear_commands(state: State, target: Target) -> Stage:
    """Return the stage in which release commands go that dead rollouts left, first of all.

    One may run still, and what it migrates is not for what is released now.
    """
    left = (
        m
        for m in state.commands
        if not (target.runs_command and m.is_of(target.name, target.manifest_id))
    )
    return Stage("sweep", tuple(map(DestroyCommand, left)))


def standing_in(state: State, target: Target) -> list[Seen]:
    """Return what a dead rollout left and what serves where the former release does not.

    What serves is never removed before something else serves, so these go at the end. Their
    version is not the new one's: see `infra/flygate/commands/decision.py`.
    """
    former = target.former or 0
    if any(m.answers for m in state.of(former)):
        return []
    left = (m for m in state.machines if former < m.release < target.version)
    return [m for m in left if m.answers and not m.place]


def repairs(state: State, target: Target) -> Plan:
    """Return all that puts the running release right, without a new one."""
    moved = state.secrets_moved(target.former or 0)
    secrets: tuple[Step, ...] = (SetSecrets(),) if moved else ()
    return Plan(
        stages=(Stage("secrets", secrets), *repair(state, target)),
        final=(
            quieten(state, target),
            Stage("sweep", tuple(Destroy(m, "stood in") for m in standing_in(state, target))),
        ),
    )


def quieten(state: State, target: Target) -> Stage:
    """Put machines of replaced releases that were woken back to rest."""
    awake = [m for m in state.machines if m.release < (target.former or 0) and m.serves]
    return Stage("quieten", tuple(Retire(m) for m in awake))


def retire(state: State, target: Target, gone: Collection[Seen] = ()) -> Stage:
    """Take the former release out of service, but for the machines that went before."""
    former = [m for m in state.of(target.former or 0) if m not in gone]
    return Stage("retire", tuple(Retire(m) for m in former))


def serving_former(state: State, target: Target) -> tuple[Seen, ...]:
    """Return the former release's machines that the leading group's are compared with."""
    former = state.of(target.former or 0)
    groups = {machine.group for machine in former}
    return tuple(m for m in former if target.leads(m.group, groups))


def sweep(state: State, target: Target, used: Collection[Seen] = ()) -> Stage:
    """Remove standby machines past their time; those that stay are at rest.

    Args:
        used: machines that are no standby any more.
    """
    older = [m for m in state.machines if m.release < (target.former or 0) and m not in used]
    newest = sorted({m.release for m in older if m.role == STANDBY}, reverse=True)
    kept = [
        m
        for m in older
        if m.role == STANDBY
        and m.retired_at >= target.standby_since
        and m.release in newest[: STANDBY_RELEASES_MAX - 1]  # the former one joins them
    ]
    steps: list[Step] = [Destroy(m, "older than the standby") for m in older if m not in kept]
    left = (m for m in state.machines if m.place and m.release > (target.former or 0))
    steps += [Destroy(m, "left by a rollout that died") for m in left if m not in used]
    steps += [Destroy(m, "stood in") for m in standing_in(state, target) if m not in used]
    return Stage("sweep", (*steps, *(Retire(m) for m in kept if m.serves)))


def is_converged(state: State, release: int, count: int) -> bool:
    """Return whether a release's machines all serve, are complete, and are alone.

    Nothing else serves, and no rollout that died left anything; standby machines are fine.
    """
    machines = state.of(release)
    others = [m for m in state.machines if m.release != release]
    return (
        len(machines) == count
        and all(m.serves and m.healthy and not m.edited and m.role != STANDBY for m in machines)
        and not state.secrets_moved(release)
        and not state.commands
        and not any(m.serves or m.release > release for m in others)
    )


def standing(state: State, target: Target) -> tuple[Seen, ...]:
    """Return the machines of a run that died past its point of no return, if all are well."""
    manifest = target.manifest
    new = state.of(target.version, target.manifest_id)
    well = [m for m in new if m.role == LIVE and m.serves and m.healthy]
    found: list[Seen] = []
    for group in manifest.groups:
        for region in group.regions:
            here = [m for m in well if (m.group, m.region) == (group.name, region)]
            if len(here) < group.machines:
                return ()
            found += here[: group.machines]
    return tuple(found)


def is_settled(state: State, target: Target) -> bool:
    """Return whether an earlier run came past the point of no return."""
    return bool(standing(state, target))
