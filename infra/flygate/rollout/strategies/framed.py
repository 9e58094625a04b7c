"""What every strategy has around the stages of the leading group: the other groups, and the end."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable
from typing import Final

from flygate.redaction.redact import cut
from flygate.rollout.plan import Plan, Stage, repair, retire, sweep
from flygate.rollout.state import Seen, State
from flygate.rollout.steps import (
    OpenRecord,
    RecallCommand,
    RemoveCommands,
    RunCommand,
    SetSecrets,
    Settle,
)
from flygate.rollout.strategies.beside import Beside
from flygate.rollout.strategies.fleet import Fleet
from flygate.rollout.strategies.kept import Kept
from flygate.rollout.target import Target

_LINE_MAX: Final = 120


def framed(
    state: State,
    target: Target,
    fleet: Fleet,
    stages: Iterable[Stage],
    way: str,
    gone: Collection[Seen] = (),
) -> Plan:
    """Return the plan of a release.

    The other groups come before the leading one, so that nothing serves unless they work. Machines
    that are kept come last: each restarts, so all else is proved before.

    Args:
        fleet: of the leading group.
        stages: by which the strategy makes and proves it.
        gone: former machines that retire in these.
    """
    beside, kept = Beside.of(state, target), Kept.of(state, target)
    used = (*fleet.made.values(), *beside.made, *kept.machines)
    names = (*fleet.names, *beside.names, *kept.names)
    return Plan(
        stages=(
            *opening(state, target, used),
            *command(state, target),
            *beside.stages(),
            *stages,
            *beside.check(),
            *kept.stages(),
        ),
        final=(
            settle(names),
            retire(state, target, (*gone, *kept.machines)),
            sweep(state, target, used),
            *removed_commands(state, target),
        ),
        way=way,
    )


def opening(state: State, target: Target, used: Collection[Seen] = ()) -> tuple[Stage, ...]:
    """Return what comes before the first new machine.

    Args:
        used: machines of a dead rollout that this one goes on with.
    """
    return (
        *repair(state, target, used),
        Stage("secrets", (SetSecrets(),)),
        Stage("record", (OpenRecord(),)),
    )


def command(state: State, target: Target) -> tuple[Stage, ...]:
    """Return the stage of the release command, which runs once for a release.

    Where an earlier run of this release has made machines, its command has run before.
    """
    begun = state.of(target.version, target.manifest_id)
    asked = target.manifest.release_command
    if asked is None or not target.runs_command:
        return ()
    line = cut(shlex.join(asked.words), _LINE_MAX)
    return (Stage("command", (RecallCommand(line) if begun else RunCommand(line),)),)


def removed_commands(state: State, target: Target) -> tuple[Stage, ...]:
    """Return the stage in which the machines of release commands go."""
    if not (target.runs_command or state.commands):
        return ()
    return (Stage("sweep", (RemoveCommands(),)),)


def settle(names: Iterable[str]) -> Stage:
    """Return the stage in which the release stands, the first past the point of no return."""
    return Stage("settle", tuple(map(Settle, names)))
