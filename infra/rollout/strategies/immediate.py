"""Immediate, for emergencies: all new machines at once, and no gate but that they are well."""

from __future__ import annotations

from infra.rollout.observe import State
from infra.rollout.plan import Plan, retire, sweep
from infra.rollout.strategies import gating
from infra.rollout.strategies.fleet import Fleet
from infra.rollout.strategies.staged import opening, settle
from infra.rollout.target import Target


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
