"""`flygate op release`: the stack's manifest becomes the running release, or all stays as is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace

from flygate_wire.signature import new_key

from flygate.commands import acceptance, images, keys, ownership, recovery, ways
from flygate.commands.abort import abort
from flygate.commands.hooked import hooked
from flygate.commands.recorded import recorded
from flygate.commands.recovery import Found
from flygate.commands.request import ReleaseRequest, Wanted
from flygate.commands.rollout import Rollout
from flygate.commands.site import Site, lock_path
from flygate.fly import retries
from flygate.fly.owner import OWNER_KEY, is_same
from flygate.record import bounds
from flygate.record.ledger import Ledger, Release
from flygate.rollout import engine, outcome
from flygate.rollout.errors import RestoreFailedError
from flygate.rollout.lock.holder import HolderFile
from flygate.rollout.machine.member import Member
from flygate.rollout.plan import Plan
from flygate.rollout.state import DRIFT_KEY, HOLDER_KEY, SECRETS_KEY, State, observe
from flygate.system.shielding import shielded

# The ledger has little room; the journal keeps all of what a gate said.
VERDICT_MAX = 160


async def release(
    request: ReleaseRequest,
    secrets: Mapping[str, str],
    found: Found,
    site: Site,
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
    ways.check_pin(request, found.ledger, site.orders)
    state = await observe(site.fly, request.app)
    ownership.check(state, request.owner, request.takeover)
    found_key = await keys.find(found.ledger, state, site.fly)
    # Before its secret set is named: the key is in the name, by which the set is known again.
    ledger = found.ledger.model_copy(update={"key": found_key or new_key()})
    former_key = found.ledger.key if found.ledger.releases else found_key
    wanted = Wanted.of(request, secrets, ledger)
    bounds.check(wanted.manifest, wanted.secrets)
    await images.ensure(wanted.manifest, request.source, site.root, site.fly)
    ledger, told = await recovery.reconciled(ledger, state, wanted, secrets, site.fly)
    rollout = await Rollout.prepare(wanted, request, ledger, state, site, former_key)
    rollout = replace(rollout, is_again=found.is_replacement)
    with retries.heard_by(rollout.warn):
        _tell(rollout, [*found.told, *told], state)
        done = await _release(rollout, request, state, site)
    return ways.settled(done, request, site.orders).fitted()


async def _release(rollout: Rollout, request: ReleaseRequest, state: State, site: Site) -> Ledger:
    app = rollout.world.app
    if rollout.decide(state).kind == "nothing":
        await _note_drift(rollout, state)
        return rollout.ledger.model_copy(update={"key": rollout.world.target.former_key})
    lock, file = rollout.lock, HolderFile(lock_path(site.root, app))
    async with lock.hold(file, _ids(state)):
        state = await observe(site.fly, app)
        ownership.check(state, request.owner, request.takeover)  # another may have been faster
        await lock.take(_ids(state))
        rollout.aim(state)
        return await _converge(rollout, state)


def _tell(rollout: Rollout, lines: list[str], state: State) -> None:
    """What was recovered, and from which stack the app was taken over: for the journal, too."""
    for line in lines:
        rollout.warn(line, "ledger")
    target, by = rollout.world.target, rollout.provenance.by
    if not is_same(state.owner, target.owner):
        text = f"by {by}: {target.owner} takes the app over from {state.owner}"
        rollout.world.journal.write("accepted", "owner", text)


async def _converge(rollout: Rollout, state: State) -> Ledger:
    decision = rollout.decide(state)
    if decision.refusal:
        rollout.world.journal.write("refused", "rollout", str(decision.refusal))
        raise decision.refusal
    if decision.kind == "abort":
        raise await abort(rollout, decision)
    if decision.kind == "repair":
        state = await _repair(rollout, decision.plan)
        rollout.aim(state)  # what a repair has changed is no more as it was
        decision = rollout.decide(state)
        if decision.kind == "repair":  # it does not come up as it is: release it again
            decision = replace(rollout, is_again=True).decide(state)
        if decision.kind != "nothing":
            _check_uninterrupted(rollout)
    if decision.kind == "nothing":
        return rollout.ledger.model_copy(update={"key": rollout.world.target.former_key})
    return await _roll_out(rollout, decision.plan, state)


async def _repair(rollout: Rollout, plan: Plan) -> State:
    """Put the machines of the running release right; returns what runs then."""
    world, name = rollout.world, rollout.world.target.former_name
    world.journal.about(name)
    world.journal.write("started", "repair", f"{name}: putting its machines right")
    await engine.run(plan, world)
    # It has changed something, so an interruption now must not say that nothing was.
    return await shielded(_repaired(rollout))


async def _repaired(rollout: Rollout) -> State:
    fly, app = rollout.world.fly, rollout.world.app
    await _note_drift(rollout, await observe(fly, app))
    return await observe(fly, app)


def _check_uninterrupted(rollout: Rollout) -> None:
    """An interruption while a repair was brought to its end: no rollout follows."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        name = rollout.world.target.former_name
        raise RestoreFailedError(
            f"{name} was not released again: {outcome.INTERRUPTED}\n"
            "Its machines were put right, as far as that went."
        )


async def _note_drift(rollout: Rollout, state: State) -> None:
    current, world = rollout.ledger.current, rollout.world
    target = world.target
    wanted = (target.drift, state.secrets, target.owner, target.holder)
    keys_ = (DRIFT_KEY, SECRETS_KEY, OWNER_KEY, HOLDER_KEY)
    for machine in state.of(current.version if current else 0):
        noted = (machine.drift, machine.noted_secrets, machine.owner, machine.holder)
        if noted != wanted:
            notes = {key: value or None for key, value in zip(keys_, wanted, strict=True)}
            await world.fly.patch_metadata(world.app, machine.id, notes)


async def _roll_out(rollout: Rollout, plan: Plan, state: State) -> Ledger:
    world = rollout.world
    world.journal.about(world.target.name)
    async with hooked(rollout), recorded(world):
        world.journal.write("started", "rollout", rollout.headline(plan.way))
        if rollout.wanted.kept:
            names = ", ".join(rollout.wanted.kept)
            world.journal.write("warning", "secrets", f"not restored, as they are now: {names}")
        if world.target.accepted:
            by = rollout.provenance.by
            world.journal.write("accepted", "rollout", f"by {by}: {world.target.accepted}")
        accepted = await acceptance.kept(world, state)
        await engine.run(plan, world)
        world.journal.write("finished", "rollout", f"{world.target.name} is released")
    return _recorded(rollout, accepted)


def _recorded(rollout: Rollout, accepted: str) -> Ledger:
    """The ledger with the release. It stands, so nothing may fail here, and Fly is not asked."""
    wanted, world, provenance = rollout.wanted, rollout.world, rollout.provenance
    return rollout.ledger.add(
        Release(
            version=world.target.version,
            manifest=wanted.manifest,
            manifest_id=wanted.id,
            secret_set=wanted.secret_set,
            at=provenance.at,
            by=provenance.by,
            commit=provenance.commit,
            reason=wanted.reason or provenance.reason,
            promotion=wanted.promotion,
            accepted=accepted,
            rollback_of=wanted.rollback_of,
            verdicts={gate: said[:VERDICT_MAX] for gate, said in world.verdicts.items()},
            seconds=round(world.journal.seconds, 1),
            machines=_by_region(world.made.values()),
        ),
        wanted.secrets,
        world.target.key,
    )


def _ids(state: State) -> list[str]:
    return [machine.id for machine in state.machines]


def _by_region(machines: Iterable[Member]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for machine in machines:
        found.setdefault(machine.region, []).append(machine.id)
    return found
