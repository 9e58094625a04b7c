"""Execute a decision: a rollout, a repair or an abort, while the app's leases are held."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from flygate.commands import acceptance
from flygate.commands.decision import Decision
from flygate.commands.effects import announced
from flygate.commands.intent import Intent
from flygate.commands.workspace import Workspace
from flygate.fly.client import FlyClient
from flygate.fly.owner import OWNER_KEY
from flygate.record.journal import Journal
from flygate.rollout import engine, outcome
from flygate.rollout.errors import AbortedError, RestoreFailedError, RolloutRestoredError
from flygate.rollout.execution import Execution
from flygate.rollout.forecast import size
from flygate.rollout.machine.member import Member
from flygate.rollout.state import DRIFT_KEY, HOLDER_KEY, SECRETS_KEY, State, observe
from flygate.rollout.steps import Adopt, Update
from flygate.rollout.target import Target
from flygate.system.shielding import shielded


@dataclass(frozen=True, slots=True)
class Executed:
    """A rollout that has succeeded, as the ledger records it.

    Attributes:
        accepted: why operators let it go on where a gate could not decide, or empty.
        verdicts: gate → its last verdict.
        seconds: how long the run took.
        machines: region → the ids of the release's machines.
    """

    target: Target
    accepted: str
    verdicts: Mapping[str, str]
    seconds: float
    machines: Mapping[str, list[str]]

    @classmethod
    def of(cls, execution: Execution, accepted: str) -> Executed:
        """Read it off the execution that a rollout has left."""
        seconds = round(execution.journal.seconds, 1)
        machines = _by_region(execution.made.values())
        return cls(execution.target, accepted, dict(execution.verdicts), seconds, machines)


async def execute(
    decision: Decision, state: State, intent: Intent, journal: Journal, workspace: Workspace
) -> Executed | None:
    """Bring a decision about.

    Args:
        state: what the decision was made on.

    Returns:
        None if no release was made.

    Raises:
        RolloutError: it was refused or aborted, or has failed: the class says what was restored.
    """
    execution = Execution(
        workspace.fly, decision.target, journal, former=_former(state, decision.target)
    )
    if decision.kind == "repair":
        state = await _repair(decision, intent, execution)
        decision = _after_repair(intent, state)
        if decision.kind != "nothing":
            _check_uninterrupted(execution)
        former = _former(state, decision.target)
        execution = replace(execution, target=decision.target, former=former)
    if decision.refusal:
        journal.write("refused", "rollout", str(decision.refusal))
        raise decision.refusal
    if decision.kind == "abort":
        raise await _abort(decision, state, intent, execution)
    if decision.kind == "nothing":
        return None
    return await _roll_out(decision, state, intent, execution, workspace)


async def note(intent: Intent, state: State, fly: FlyClient) -> None:
    """Write the present drift token and owner onto the machines of the running release."""
    current, target = intent.ledger.current, intent.target
    values = (target.drift, state.secrets, target.owner, target.holder)
    keys = (DRIFT_KEY, SECRETS_KEY, OWNER_KEY, HOLDER_KEY)
    for machine in state.of(current.version if current else 0):
        noted = (machine.drift, machine.noted_secrets, machine.owner, machine.holder)
        if noted != values:
            notes = {key: value or None for key, value in zip(keys, values, strict=True)}
            await fly.patch_metadata(state.app, machine.id, notes)


async def _repair(decision: Decision, intent: Intent, execution: Execution) -> State:
    """Repair the machines of the running release, and return what runs then."""
    name = execution.target.former_name
    execution.journal.about(name)
    execution.journal.write("started", "repair", f"{name}: putting its machines right")
    await engine.run(decision.plan, execution)
    # It has changed something, so an interruption now must not say that nothing was.
    return await shielded(_repaired(intent, execution))


async def _repaired(intent: Intent, execution: Execution) -> State:
    await note(intent, await observe(execution.fly, execution.app), execution.fly)
    return await observe(execution.fly, execution.app)


def _after_repair(intent: Intent, state: State) -> Decision:
    """Return what is left to do; machines that do not come up are released again."""
    decision = intent.decide(state)
    return intent.decide(state, is_again=True) if decision.kind == "repair" else decision


def _check_uninterrupted(execution: Execution) -> None:
    """Refuse to roll out after an interruption that came while a repair was completed."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise RestoreFailedError(
            f"{execution.target.former_name} was not released again: {outcome.INTERRUPTED}\n"
            "Its machines were put right, as far as that went."
        )


async def _abort(
    decision: Decision, state: State, intent: Intent, execution: Execution
) -> RolloutRestoredError:
    """Take a held rollout back, as if its gate had failed.

    Returns:
        What the command ends with: the release was not made.

    Raises:
        RestoreFailedError: see `engine.take_back`.
    """
    execution.journal.write("started", "rollout", f"{execution.target.name} is aborted")
    held = [step.machine for step in decision.undone if isinstance(step, Adopt | Update)]
    execution.made = {machine.place or machine.name: Member.of(machine) for machine in held}
    name = execution.target.name
    execution.command_has_run = any(m.has_succeeded and m.release == name for m in state.commands)
    reason = AbortedError(f"aborted by {intent.provenance.by}: {intent.orders.abort}")
    return await shielded(engine.take_back(reason, decision.undone, execution))


async def _roll_out(
    decision: Decision, state: State, intent: Intent, execution: Execution, workspace: Workspace
) -> Executed:
    journal, target = execution.journal, execution.target
    journal.about(target.name)
    async with announced(intent, execution, workspace):
        journal.write("started", "rollout", _headline(target, intent, decision.plan.way))
        if intent.desired.kept:
            names = ", ".join(intent.desired.kept)
            journal.write("warning", "secrets", f"not restored, as they are now: {names}")
        if target.accepted:
            by = intent.provenance.by
            journal.write("accepted", "rollout", f"by {by}: {target.accepted}")
        accepted = await acceptance.collect(execution, state)
        await engine.run(decision.plan, execution)
        journal.write("finished", "rollout", f"{target.name} is released")
    # The release stands: from here to the ledger nothing may fail, and Fly is not called.
    return Executed.of(execution, accepted)


def _headline(target: Target, intent: Intent, way: str) -> str:
    """Say what begins, for people."""
    again = intent.desired.rollback_of
    return (
        f"{target.former_name} → {target.name} ({f'v{again} again, ' if again else ''}{way}): "
        f"{size(target.manifest)}"
    )


def _former(state: State, target: Target) -> tuple[Member, ...]:
    """Return the machines of the former release that serve."""
    return tuple(Member.of(machine) for machine in state.of(target.former or 0) if machine.serves)


def _by_region(machines: Iterable[Member]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for machine in machines:
        found.setdefault(machine.region, []).append(machine.id)
    return found
