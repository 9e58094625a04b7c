"""Blue/green: the new fleet is made beside the old one and proved; only then the old one goes."""

from __future__ import annotations

from flygate.rollout.plan import Plan
from flygate.rollout.state import State
from flygate.rollout.strategies import staged
from flygate.rollout.target import Target


def plan(state: State, target: Target) -> Plan:
    """Return all new machines in one step."""
    return staged.plan(state, target, ("100%",), "blue/green")
