"""The strategies. Each only orders steps; none knows how a step is done."""

from __future__ import annotations

from collections.abc import Callable

from flygate.config import Strategy
from flygate.rollout.plan import Plan, is_settled
from flygate.rollout.state import State
from flygate.rollout.strategies import (
    bluegreen,
    canary,
    finish,
    immediate,
    in_place,
    reinstate,
    rolling,
)
from flygate.rollout.target import Target

STRATEGIES: dict[Strategy, Callable[[State, Target], Plan]] = {
    "canary": canary.plan,
    "bluegreen": bluegreen.plan,
    "rolling": rolling.plan,
    "immediate": immediate.plan,
}


def plan(state: State, target: Target) -> Plan:
    """Return the way from what runs to what shall run: the shortest that is safe."""
    if is_settled(state, target):
        return finish.plan(state, target)
    if target.is_rollback and (machines := reinstate.resting(state, target)):
        return reinstate.plan(state, target, machines)
    if target.manifest.leading.is_kept:
        return in_place.plan(state, target)
    return STRATEGIES[target.strategy](state, target)
