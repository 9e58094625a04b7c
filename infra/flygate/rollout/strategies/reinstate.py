"""Reinstate: the standby machines of an earlier release serve again, and nothing is made."""

from __future__ import annotations

from typing import Final

from flygate.rollout.plan import Plan, Stage, clear, retire, sweep
from flygate.rollout.state import STANDBY, Seen, State
from flygate.rollout.steps import Admit, OpenRecord, SetSecrets, Wake
from flygate.rollout.strategies import gating
from flygate.rollout.strategies.staged import settle
from flygate.rollout.target import Target

_STARTABLE: Final = frozenset({"started", "starting", "stopping", "stopped", "suspended"})


def resting(state: State, target: Target) -> tuple[Seen, ...]:
    """Return the machines of the wanted manifest that can start again, if all are there."""
    found: list[Seen] = []
    # It may have run several times; the newest machines are the likeliest to be well.
    newest_first = sorted(state.machines, key=lambda m: -m.release)
    for region in target.manifest.regions:
        here = [m for m in newest_first if m.region == region and _is_wanted(m, target)]
        if len(here) < target.manifest.machines:
            return ()
        found += here[: target.manifest.machines]
    return tuple(found)


def plan(state: State, target: Target, machines: tuple[Seen, ...]) -> Plan:
    """Wake them beside what runs; they are proved like new ones, only then the others go.

    The running release may be broken, so it is not repaired first: that would cost seconds.
    """
    names = tuple(machine.name for machine in machines)
    left = tuple(clear(state, target, machines))
    return Plan(
        stages=(
            Stage("secrets", (SetSecrets(),)),
            Stage("record", (OpenRecord(),)),
            Stage("wake", tuple(map(Wake, machines)), gating.proving(target), names),
            Stage("admit", tuple(map(Admit, names)), gating.serving(target, soak=False), names),
        ),
        final=(
            settle(names),
            retire(state, target),
            Stage("sweep", left),
            sweep(state, target, machines),
        ),
        way="from standby",
    )


def _is_wanted(machine: Seen, target: Target) -> bool:
    """It ran this manifest and rests, or a run that died had begun to make it the new release."""
    return (
        machine.manifest == target.manifest_id
        and machine.release != target.former
        and (machine.role == STANDBY or machine.release == target.version)
        and not machine.edited
        and machine.state in _STARTABLE
    )
