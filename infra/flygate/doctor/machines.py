"""The machines: as their release left them, healthy, and not held by a dead process."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import replace

from flygate.commands import drift
from flygate.doctor.facts import Facts
from flygate.doctor.finding import Finding, broken, ok, skipped, warning
from flygate.fly.models import Lease
from flygate.rollout import serving
from flygate.rollout.state import LIVE, STANDBY, Seen, State
from flygate.system.processes import process_runs

_HOLDER = re.compile(r"flygate (\S+) by \S+@(\S+) \(process (\d+)\)")


async def examine(facts: Facts) -> Sequence[Finding]:
    """What an operator would look for."""
    state = await facts.state()
    if not (await facts.outputs()).get("release") and not state.machines:
        return [skipped(f"nothing was released yet: {facts.deploy}")]
    fly = await facts.fly()
    leases = await asyncio.gather(*(fly.lease(state.app, m.id) for m in state.machines))
    held = {m.id: lease for m, lease in zip(state.machines, leases, strict=True) if lease}
    found = [*judge(state, facts.name, facts.deploy), *judge_leases(held)]
    return found or [_well(state)]


def judge(state: State, stack: str, deploy: str) -> list[Finding]:
    """What is not as a release leaves it."""
    held = [m for m in state.machines if m.held]
    rest = replace(state, machines=tuple(m for m in state.machines if not m.held))
    found = [broken(line, deploy) for line in drift.judge(rest).found]
    found += [_ill(m, stack) for m in state.machines if m.state == "started" and not m.healthy]
    if held:
        text = f"the rollout of v{held[0].release} is held: {held[0].held}"
        found.append(warning(text, f"flygate judge {stack}, then flygate proceed or abort {stack}"))
    idle = [m.name for m in state.machines if m.role == STANDBY and m.state == "started"]
    if idle:
        found.append(warning(f"{', '.join(idle)}: standby, and yet running", deploy))
    return found


def judge_leases(leases: Mapping[str, Lease]) -> list[Finding]:
    """Report who holds machines, once for each holder, and whether it lives if that is known."""
    holders = {lease.description or lease.owner: machine for machine, lease in leases.items()}
    return [_holder(description, machine) for description, machine in holders.items()]


def _holder(description: str, machine: str) -> Finding:
    match = _HOLDER.match(description)
    if match and match[2] == socket.gethostname() and not process_runs(int(match[3])):
        return warning(
            f"{description} has died and holds {machine} still",
            "nothing: its lease ends within 15 s, and the next rollout here takes it over",
        )
    return warning(f"{machine} is held by {description}", "wait until it has ended")


def _ill(machine: Seen, stack: str) -> Finding:
    return broken(
        f"{machine.name} ({machine.id}) fails its checks",
        f"read its log (fly logs, flygate local logs); in doubt flygate rollback {stack}",
    )


def _well(state: State) -> Finding:
    live = [m for m in state.machines if m.role == LIVE]
    newest = max(m.release for m in live)
    asleep = sum(m.state != "started" for m in live)
    count = serving.machines(len(live))
    return ok(f"v{newest} on {count}, all well" + (f", {asleep} asleep" if asleep else ""))
