"""Reinstate: the standby machines of an earlier release serve again, and nothing is made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from flygate.rollout.plan import Plan, Stage, clear, clear_commands, retire, sweep
from flygate.rollout.state import STANDBY, Seen, State
from flygate.rollout.steps import Admit, OpenRecord, SetSecrets, Wake
from flygate.rollout.strategies import gating
from flygate.rollout.strategies.framed import command, removed_commands, settle
from flygate.rollout.strategies.kept import Kept
from flygate.rollout.target import Target

_STARTABLE: Final = frozenset({"started", "starting", "stopping", "stopped", "suspended"})


def resting(state: State, target: Target) -> tuple[Seen, ...]:
    """Return the machines of the wanted manifest that can start again, if all are there."""
    found: list[Seen] = []
    # It may have run several times; the newest machines are the likeliest to be well.
    newest_first = sorted(state.machines, key=lambda m: -m.release)
    wanted = [m for m in newest_first if _is_wanted(m, target)]
    for group in target.manifest.groups:
        for region in () if group.is_kept else group.regions:
            here = [m for m in wanted if (m.group, m.region) == (group.name, region)]
            if len(here) < group.machines:
                return ()
            found += here[: group.machines]
    return tuple(found)


def plan(state: State, target: Target, machines: tuple[Seen, ...]) -> Plan:
    """Wake them beside what runs; they are proved like new ones, only then the others go.

    The running release may be broken, so it is not repaired first: that would cost seconds.
    """
    kept = Kept.of(state, target)
    used = (*machines, *kept.machines)
    return Plan(
        stages=(
            clear_commands(state, target),
            Stage("secrets", (SetSecrets(),)),
            Stage("record", (OpenRecord(),)),
            *command(state, target),
            *_waking(target, machines),
            *kept.stages(),
        ),
        final=(
            settle((*(machine.name for machine in machines), *kept.names)),
            retire(state, target, kept.machines),
            Stage("sweep", tuple(clear(state, target, used))),
            sweep(state, target, used),
            *removed_commands(state, target),
        ),
        way="from standby",
    )


def _waking(target: Target, machines: Iterable[Seen]) -> Iterator[Stage]:
    """Start all; the leading group's get requests when the others are well, too."""
    leading = target.manifest.leading.name
    served = [m for m in machines if m.group == leading]
    others = [m for m in machines if m.group != leading]
    if others:
        names = tuple(machine.name for machine in others)
        yield Stage("wake", tuple(map(Wake, others)), gating.alive(target), names)
        yield Stage("admit", tuple(map(Admit, names)))
    if served:
        names = tuple(machine.name for machine in served)
        yield Stage("wake", tuple(map(Wake, served)), gating.proving(target), names)
        yield Stage("admit", tuple(map(Admit, names)), gating.serving(target, soak=False), names)


def _is_wanted(machine: Seen, target: Target) -> bool:
    """It ran this manifest and rests, or a run that died had begun to make it the new release."""
    return (
        machine.manifest == target.manifest_id
        and machine.release != target.former
        and (machine.role == STANDBY or machine.release == target.version)
        and not machine.edited
        and machine.state in _STARTABLE
    )
