"""Rolling: new machines come in steps, and after each as many old ones go.

Never many more machines than the fleet has, for those who are short of them. A step back has to
start what has gone; the last old machines of each region stay until all new ones are judged.
"""

from __future__ import annotations

from collections.abc import Iterator

from flygate.rollout.plan import Plan, Stage, serving_former
from flygate.rollout.state import Seen, State
from flygate.rollout.steps import Retire
from flygate.rollout.strategies.fleet import Fleet
from flygate.rollout.strategies.framed import framed
from flygate.rollout.target import Target


def plan(state: State, target: Target) -> Plan:
    """Return the steps of the manifest; after each its share of the old fleet retires."""
    fleet = Fleet.of(state, target, target.manifest.rollout.steps)
    stages: list[Stage] = []
    gone: list[Seen] = []
    for number, step in enumerate(fleet.all_stages(), start=1):
        stages.extend(step)
        if number < len(fleet.batches):
            going = list(_replaced(state, fleet, number, gone))
            stages.append(Stage("retire", tuple(map(Retire, going))))
            gone.extend(going)
    return framed(state, target, fleet, stages, "rolling", gone)


def _replaced(state: State, fleet: Fleet, number: int, gone: list[Seen]) -> Iterator[Seen]:
    """Return the old machines that a step's new ones replace, of each region all but the last."""
    target = fleet.target
    for region in target.manifest.regions:
        new = sum(slot.region == region for slot in fleet.batches[number - 1])
        former = serving_former(state, target)
        old = [m for m in former if m.region == region and m not in gone and not m.place]
        yield from old[: min(new, len(old) - 1)]
