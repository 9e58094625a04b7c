"""What a rollout would do, for people: machine by machine, gate by gate, and how long it takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

from flygate.manifest import Manifest
from flygate.rollout import group_notes, serving
from flygate.rollout.gates.gate import Gate
from flygate.rollout.gates.restart import Restarts
from flygate.rollout.gates.smoke import Smoke
from flygate.rollout.plan import Plan, Stage
from flygate.rollout.state import STANDBY, Seen, State
from flygate.rollout.steps import Retire, RunCommand, Shift
from flygate.rollout.target import Target
from flygate.system import duration

# What a stage of machines takes on Fly when nothing is wrong, without its soak.
LAUNCH_SECONDS: Final = 15
SHORT_SECONDS: Final = 3


def forecast(plan: Plan, state: State, target: Target) -> list[str]:
    """Return the plan as lines: what runs, the steps with their gates, and the time.

    Args:
        state: what runs now.
    """
    return [
        f"{target.former_name} → {target.name} ({plan.way}): {size(target.manifest)}",
        *_now(state),
        *_steps(plan),
        *_command(plan, target),
        *group_notes.of(plan, state, target),
        f"about {_words(_seconds(plan, target))}{_unknown(plan)}{_standby(plan, target)}",
    ]


def size(manifest: Manifest) -> str:
    """`3 machines in iad, fra`; by group where there are several."""
    if not manifest.others:
        return f"{serving.machines(manifest.count)} in {', '.join(manifest.regions)}"
    each = (f"{g.name} {g.count} in {', '.join(g.regions)}" for g in manifest.groups)
    return f"{serving.machines(manifest.count)}: {'; '.join(each)}"


def _standby(plan: Plan, target: Target) -> str:
    if not any(isinstance(step, Retire) for stage in plan.final for step in stage.steps):
        return ""
    return (
        f"; the former machines stay on standby for {target.manifest.rollout.standby} "
        "(stopped: only their disks are billed)"
    )


def foretell_repair(plan: Plan, state: State, target: Target) -> list[str]:
    """Return the same for a repair of what runs: no release is made."""
    return [
        f"{target.former_name}: its machines are put right, and no release is made; if they do not "
        f"come up, {target.name} is released in their place",
        *_now(state),
        *_steps(plan),
        f"about {_words(_seconds(plan, target))}",
    ]


def _command(plan: Plan, target: Target) -> Iterator[str]:
    """Say what becomes of the release command."""
    asked = target.manifest.release_command
    if asked is None:
        return
    if _runs_command(plan):
        yield (
            "the release command has a machine of its own, with the new image, environment and "
            f"secrets, and at most {asked.timeout}; unless it exits with 0 nothing else happens. "
            "What it changes no rollback takes back"
        )
    elif target.is_rollback:
        yield (
            "the release command is not run, as this is a way back "
            "(`flygate rollback --release-command` runs it)"
        )
    else:
        yield "the release command has run for this release, and is not run again"


def _runs_command(plan: Plan) -> bool:
    return any(isinstance(step, RunCommand) for stage in plan.stages for step in stage.steps)


def _unknown(plan: Plan) -> str:
    return ", and what the release command takes" if _runs_command(plan) else ""


def _now(state: State) -> list[str]:
    return [f"now: {line}" for line in _machines(state.machines)]


def _steps(plan: Plan) -> list[str]:
    """Stage by stage; what is empty is left out."""
    final = [_line(stage) for stage in plan.final if stage.steps]
    before = [_line(stage) for stage in plan.stages if stage.steps]
    gates = {gate for stage in plan.stages if stage.steps for gate in stage.gates}
    requests = [
        f"smoke asks: {request}"
        for gate in gates
        if isinstance(gate, Smoke)
        for request in gate.requests
    ]
    tried = [
        gate.cost(stage.judged)
        for stage in plan.stages
        for gate in stage.gates
        if isinstance(gate, Restarts)
    ]
    return [*before, *tried, *requests, *(["from here on only forward", *final] if final else [])]


def fingerprint(state: State) -> str:
    """Another text when what a plan stands on has changed; suspended or awake is the same."""
    parts = (
        f"{m.id}/{m.release}/{m.role}/{m.serves}/{m.instance}"
        for m in sorted(state.machines, key=lambda m: m.id)
    )
    commands = (machine.id for machine in state.commands)
    return f"{state.secrets} {' '.join((*parts, *sorted(commands)))}"


def _machines(machines: Iterable[Seen]) -> Iterator[str]:
    def kind(machine: Seen) -> tuple[int, str, str]:
        return (-machine.release, machine.role, machine.region)

    for (release, role, region), group in groupby(sorted(machines, key=kind), kind):
        names = ", ".join(f"{m.name} ({m.id}{_state(m)})" for m in group)
        where = "standby" if role == STANDBY else role
        yield f"v{-release} {where} in {region}: {names}"


def _state(machine: Seen) -> str:
    rests = machine.role == STANDBY and machine.state == "stopped"
    return "" if rests or machine.state == "started" else f", {machine.state}"


def _line(stage: Stage) -> str:
    titles = ", ".join(_without(stage.name.split()[0], step.title) for step in stage.steps)
    gates = ", ".join(_gate(gate) for gate in stage.gates)
    line = f"{stage.name}: {titles}" if titles else stage.name
    return f"{line}, then {gates}" if gates else line


def _without(word: str, title: str) -> str:
    return title.removeprefix(word).strip()


def _gate(gate: Gate) -> str:
    return f"{gate.name} ({_words(gate.seconds)})" if gate.seconds else gate.name


def _seconds(plan: Plan, target: Target) -> float:
    stages = [stage for stage in (*plan.stages, *plan.final) if stage.steps]
    soaks = sum(gate.seconds for stage in stages for gate in stage.gates)
    working = sum(SHORT_SECONDS if _is_quick(stage) else LAUNCH_SECONDS for stage in stages)
    return soaks + working + duration.seconds(target.manifest.gates.drain)


def _is_quick(stage: Stage) -> bool:
    """Nothing starts, and nothing has to be found by Fly's proxies."""
    return not stage.gates or any(isinstance(step, Shift) for step in stage.steps)


def _words(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole} s" if whole < 90 else f"{round(whole / 60)} min"
