"""`flygate op release`: the stack's manifest becomes the running release, or all stays as is.

Each step of the line takes values, gives one, and has a file; this one puts them in order:

    rollout/state.py        observe    what runs: a State
    commands/intent.py      desire     what the request asks for, with the ledger: an Intent
    commands/decision.py    decide     nothing, a rollout, a repair, an abort, or a refusal
    rollout/lock/lock.py    Lock.hold  leases; what runs is observed and decided on once more
    commands/executed.py    execute    with what reports it around it (commands/effects.py)
    commands/recording.py   record     the Ledger that Pulumi keeps
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from flygate.commands import ownership
from flygate.commands.effects import journaled
from flygate.commands.executed import execute, note
from flygate.commands.intent import Intent, desire
from flygate.commands.orders import Orders
from flygate.commands.recording import record
from flygate.commands.recovery import Recovered
from flygate.commands.request import ReleaseRequest
from flygate.commands.workspace import Workspace, lock_path
from flygate.config import Pin
from flygate.fly.client import FlyClient
from flygate.record import pinning
from flygate.record.journal import Journal
from flygate.record.ledger import Ledger
from flygate.rollout import state as live
from flygate.rollout.lock.holder import Holder, HolderFile
from flygate.rollout.lock.lock import Lock
from flygate.rollout.state import State


async def release(
    request: ReleaseRequest,
    secrets: Mapping[str, str],
    found: Recovered,
    workspace: Workspace,
) -> Ledger:
    """Converge on what the request asks for.

    Args:
        secrets: the values for the manifest's secret names; with a pin, of those not restored.
        found: the ledger to begin with.

    Returns:
        The ledger with the new release; the same ledger if that release runs already.

    Raises:
        OwnerError: the app is another stack's.
        PinnedError: the stack is pinned, and this would end it.
        RolloutError: the release failed; the error's class says what was restored.
        FlygateError: nothing was begun.
    """
    check_pin(request, found.ledger, workspace.orders)
    state = await _observe(request, workspace.fly)
    intent = await desire(request, secrets, found, state, workspace)
    decision, executed = intent.decide(state), None
    with journaled(intent, decision.target.name, state.owner, workspace) as journal:
        if decision.kind == "nothing":
            await note(intent, state, workspace.fly)
        else:
            async with _locked(intent, decision.target.name, state, journal, workspace) as state:
                decision = intent.decide(state)
                executed = await execute(decision, state, intent, journal, workspace)
    return record(intent, executed)


def check_pin(request: ReleaseRequest, ledger: Ledger, orders: Orders) -> None:
    """Refuse to end a pin unless it was ordered; the preview has refused it already.

    Raises:
        PinnedError: this run would end it.
    """
    if not orders.decides:
        pin = request.content if isinstance(request.content, Pin) else None
        pinning.holding(pin, ledger, request.stack)


async def _observe(request: ReleaseRequest, fly: FlyClient) -> State:
    state = await live.observe(fly, request.app)
    ownership.check(state, request.owner, request.takeover)
    return state


@asynccontextmanager
async def _locked(
    intent: Intent, name: str, state: State, journal: Journal, workspace: Workspace
) -> AsyncIterator[State]:
    """Hold the leases of the app's machines, and yield what runs then.

    Args:
        name: of the release that is to be made. Others read it in the lock.
        state: what ran before; another run may have been faster.
    """
    fly, app, by = workspace.fly, intent.request.app, intent.provenance
    holder = Holder(name, by.by, since=by.at, why=intent.reason)
    lock = Lock(fly, app, holder, journal, intent.orders.wait_seconds)
    async with lock.hold(HolderFile(lock_path(workspace.root, app)), state.ids):
        state = await _observe(intent.request, fly)
        await lock.take(state.ids)
        yield state
