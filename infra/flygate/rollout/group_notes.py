"""What a plan says of process groups: restarts in place, volumes, and workers that work twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flygate.flytoml.stop_config import kill_seconds
from flygate.rollout.plan import Plan, Stage
from flygate.rollout.state import State
from flygate.rollout.steps import Destroy, Launch, Make, Retire, Step, Update
from flygate.rollout.target import Target


def of(plan: Plan, state: State, target: Target) -> Iterator[str]:
    """Yield the notes, a line each.

    Args:
        state: what runs now.
    """
    steps = list(_steps(plan.stages))
    yield from _restarts(steps, target)
    yield from _new_volumes(steps, target)
    yield from _left_volumes(_steps(plan.final), target)
    yield from _twice(steps, state, target)


def _restarts(steps: Iterable[Step], target: Target) -> Iterator[str]:
    for step in steps:
        if isinstance(step, Update) and not step.is_drained:
            on = f" on {step.machine.volume}" if step.machine.volume else ""
            seconds = kill_seconds(target.manifest.group(step.place.group).config)
            yield (
                f"{step.place.name} restarts in place ({step.machine.id}{on}): nothing else of "
                f"{step.place.group} runs meanwhile, so what asks it waits or fails while it stops "
                f"({seconds:g} s at most) and starts"
            )


def _new_volumes(steps: Iterable[Step], target: Target) -> Iterator[str]:
    for step in steps:
        if isinstance(step, Make) and (volume := target.manifest.group(step.place.group).volume):
            yield (
                f"{step.place.name} gets a volume {volume.name} in {step.place.region}: one that "
                f"no machine has, or a new one of {volume.size_gb} GB. It outlives the machine"
            )


def _left_volumes(steps: Iterable[Step], target: Target) -> Iterator[str]:
    for step in steps:
        if isinstance(step, Retire | Destroy) and step.machine.volume:
            yield (
                f"{step.machine.volume}, the volume of {step.machine.label}, stays, and no machine "
                f"of {target.name} uses it"
            )


def _twice(steps: Iterable[Step], state: State, target: Target) -> Iterator[str]:
    launched = {step.slot.group for step in steps if isinstance(step, Launch)}
    former = {machine.group for machine in state.of(target.former or 0)}
    for group in target.manifest.others:
        if group.name in launched & former:
            yield (
                f"{group.name} works twice, as {target.former_name} and {target.name}, until the "
                "end. If it must not: `pulumi config set --path 'rollout.in_place[0]' "
                f"{group.name}`"
            )


def _steps(stages: Iterable[Stage]) -> Iterator[Step]:
    for stage in stages:
        yield from stage.steps
