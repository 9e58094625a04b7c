"""Staged: new machines come in steps beside the whole old fleet. Canary and blue/green are this."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from flygate.rollout.plan import Plan, Stage, repair, retire, sweep
from flygate.rollout.state import State
from flygate.rollout.steps import OpenRecord, SetSecrets, Settle
from flygate.rollout.strategies.fleet import Fleet
from flygate.rollout.target import Target


def plan(state: State, target: Target, steps: Iterable[int | str], way: str) -> Plan:
    """Return the stages of a rollout that retires the old fleet at the end."""
    fleet = Fleet.of(state, target, steps)
    return Plan(
        stages=(*opening(state, target, fleet), *chain(*fleet.all_stages())),
        final=(settle(fleet.names), retire(state, target), sweep(state, target)),
        way=way,
    )


def opening(state: State, target: Target, fleet: Fleet) -> tuple[Stage, ...]:
    """Return what comes before the first new machine."""
    return (
        *repair(state, target, tuple(fleet.made.values())),
        Stage("secrets", (SetSecrets(),)),
        Stage("record", (OpenRecord(),)),
    )


def settle(names: Iterable[str]) -> Stage:
    """Return the stage in which the release stands, the first past the point of no return."""
    return Stage("settle", tuple(map(Settle, names)))
