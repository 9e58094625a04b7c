"""In place: the leading group's machines are kept, and change one after the other."""

from __future__ import annotations

from flygate.rollout.plan import Plan
from flygate.rollout.state import State
from flygate.rollout.strategies.fleet import Fleet
from flygate.rollout.strategies.framed import framed
from flygate.rollout.target import Target


def plan(state: State, target: Target) -> Plan:
    """Nothing is compared: a machine that changes is not beside the one that it was."""
    return framed(state, target, Fleet(target, (), {}), (), "in place")
