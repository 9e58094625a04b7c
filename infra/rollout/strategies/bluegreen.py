"""Blue/green: the new fleet is made beside the old one and proved; only then the old one goes."""

from __future__ import annotations

from infra.rollout.observe import State
from infra.rollout.plan import Plan
from infra.rollout.strategies import staged
from infra.rollout.target import Target


def plan(state: State, target: Target) -> Plan:
    """All new machines in one step."""
    return staged.plan(state, target, ("100%",), "blue/green")
