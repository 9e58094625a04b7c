"""Staged: new machines come in steps beside the whole old fleet. Canary and blue/green are this."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from flygate.rollout.plan import Plan
from flygate.rollout.state import State
from flygate.rollout.strategies.fleet import Fleet
from flygate.rollout.strategies.framed import framed
from flygate.rollout.target import Target


def plan(state: State, target: Target, steps: Iterable[int | str], way: str) -> Plan:
    """Return the stages of a rollout that retires the old fleet at the end."""
    fleet = Fleet.of(state, target, steps)
    return framed(state, target, fleet, chain(*fleet.all_stages()), way)
