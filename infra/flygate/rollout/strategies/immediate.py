"""Immediate, for emergencies: all new machines at once, and no gate but that they are well."""

from __future__ import annotations

from flygate.rollout.plan import Plan
from flygate.rollout.state import State
from flygate.rollout.strategies import gating
from flygate.rollout.strategies.fleet import Fleet
from flygate.rollout.strategies.framed import framed
from flygate.rollout.target import Target


def plan(state: State, target: Target) -> Plan:
    """One step, hardly judged."""
    fleet = Fleet.of(state, target, ("100%",))
    stages = fleet.stages(1, proving=gating.alive(target), serving=())
    return framed(state, target, fleet, stages, "all at once")
