"""Canary: one new machine per region, then more and more of them, each step judged.

The old fleet stays whole until all new machines are judged, so that a step back costs no
client anything; the new machines' share of the requests is their share of all machines.
"""

from __future__ import annotations

from flygate.rollout.plan import Plan, serving_former
from flygate.rollout.state import State
from flygate.rollout.strategies import bluegreen, by_clients, staged
from flygate.rollout.target import Target


def plan(state: State, target: Target) -> Plan:
    """Return the steps of the manifest."""
    if target.manifest.rollout.by == "machines":
        return staged.plan(state, target, target.manifest.rollout.steps, "canary")
    if serving_former(state, target):
        return by_clients.plan(state, target)
    return bluegreen.plan(state, target)  # there are no clients yet that could move
