"""Finish: an earlier run died past the point of no return; what it left to do is done."""

from __future__ import annotations

from flygate.rollout.plan import Plan, Stage, clear, retire, standing, sweep
from flygate.rollout.state import State
from flygate.rollout.steps import Adopt, OpenRecord
from flygate.rollout.strategies.framed import removed_commands, settle
from flygate.rollout.target import Target


def plan(state: State, target: Target) -> Plan:
    """Only forward: the new release serves already."""
    machines = standing(state, target)
    return Plan(
        stages=(),
        final=(
            Stage("record", (OpenRecord(),)),
            Stage("adopt", tuple(map(Adopt, machines))),
            settle(m.name for m in machines),
            retire(state, target, machines),
            Stage("sweep", tuple(clear(state, target, machines))),
            sweep(state, target, machines),
            *removed_commands(state, target),
        ),
        way="to its end",
    )
