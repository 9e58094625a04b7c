"""Immediate, for emergencies: all new machines at once, and no gate but that they are well."""

from __future__ import annotations

from flygate.rollout.plan import Plan, retire, sweep
from flygate.rollout.state import State
from flygate.rollout.strategies import gating
from flygate.rollout.strategies.fleet import Fleet
from flygate.rollout.strategies.staged import opening, settle
from flygate.rollout.target import Target


def plan(state: State, target: Target) -> Plan:
    """One step, hardly judged."""
    fleet = Fleet.of(state, target, ("100%",))
    return Plan(
        stages=(
            *opening(state, target, fleet),
            *fleet.stages(1, proving=gating.alive(target), serving=()),
        ),
        final=(settle(fleet.names), retire(state, target), sweep(state, target)),
        way="all at once",
    )
