"""The ledger that a run begins with: the one that Pulumi hands over, or the best that is left.

A ledger can be missing (the resource is replaced), unreadable, another app's, or behind what runs
(the run that made the release died before it was recorded). None of that keeps a team from the next
deployment: Pulumi's last checkpoint has the former ledger and the stack's copy of it, and what the
machines say is enough to make an entry for what runs.
"""

from __future__ import annotations

import secrets as random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flygate.commands import decision
from flygate.commands.decision import Newest
from flygate.commands.request import ReleaseRequest
from flygate.commands.workspace import Workspace
from flygate.fly.client import FlyClient
from flygate.fly.machine_image import by_digest
from flygate.fly.owner import Owner
from flygate.manifest import Gates, Group, Manifest
from flygate.record.ledger import Ledger, Release
from flygate.record.provenance import now
from flygate.record.stack_record import StackRecord, moved
from flygate.rollout.desired import DesiredRelease
from flygate.rollout.state import ADOPTED, LIVE, Seen, State
from flygate.system.errors import LedgerUnreadableError

BY_MACHINES: Final = "what its machines say; the secret values are those known now"
BY_MANIFEST: Final = "its machines and the configuration, which agree"


@dataclass(frozen=True, slots=True)
class Recovered:
    """The ledger to begin with.

    Attributes:
        is_replacement: Pulumi replaces the resource: what it asks for is released once more.
        notices: what had to be done, a line each.
    """

    ledger: Ledger
    is_replacement: bool = False
    notices: tuple[str, ...] = ()


def recover(former: str, request: ReleaseRequest, workspace: Workspace) -> Recovered:
    """Read the former ledger, or find the best that is left of it in the last checkpoint.

    Args:
        former: what the last run of the resource printed; nothing if this is its first.

    Raises:
        OwnerError: the ledger is another app's, and no move was ordered.
    """
    problem = ""
    if former.strip():
        try:
            return Recovered(_claimed(Ledger.parse(former), request, workspace))
        except LedgerUnreadableError as exc:
            problem = exc.problem
    best = StackRecord.of(workspace.checkpoint(request.owner)).ledger
    if best.releases:
        what = problem or "The resource is replaced"
        notice = f"{what}. The history up to {_newest(best)} comes from Pulumi's last checkpoint."
        fresh = best.model_copy(update={"tenure": _new_tenure()})
        return Recovered(_claimed(fresh, request, workspace), not problem, (notice,))
    empty = _claimed(Ledger(), request, workspace)
    notices = (f"{problem}. No copy of it is left.",) if problem else ()
    return Recovered(empty, notices=notices)


async def reconcile(
    ledger: Ledger,
    state: State,
    desired: DesiredRelease,
    configured: Mapping[str, str],
    fly: FlyClient,
    *,
    resumes: bool = True,
) -> tuple[Ledger, tuple[str, ...]]:
    """Add an entry for what serves, if the ledger has none.

    Args:
        configured: the stack's secret values.
        resumes: a rollout follows: see `decision.missing`.

    Returns:
        The ledger, and what was done, a line each.
    """
    version = decision.missing(Newest.of(ledger), state, desired.id, resumes=resumes)
    if not version:
        return ledger, ()
    machines = [m for m in state.of(version) if m.role == LIVE]
    # While the stack is pinned, the configuration's values are not handed over.
    known = {**ledger.current_secrets, **configured}
    there = {name: value for name, value in known.items() if name in state.secret_names}
    entry, values = await _entry(ledger, machines, desired, there, fly)
    notice = f"{entry.name} serves, and the ledger did not know it: rebuilt from {entry.rebuilt}."
    return ledger.add(entry, values), (notice,)


async def _entry(
    ledger: Ledger,
    machines: Sequence[Seen],
    desired: DesiredRelease,
    configured: Mapping[str, str],
    fly: FlyClient,
) -> tuple[Release, Mapping[str, str]]:
    """Make the entry for what serves, and find its secret values."""
    newest = machines[0]
    known = next((r for r in ledger.releases if r.manifest_id == newest.manifest), None)
    if newest.manifest == desired.id:
        manifest, set_id, values = desired.manifest, desired.secret_set, desired.secrets
        rebuilt = BY_MANIFEST
    elif known and ledger.has_secrets_of(known):
        manifest, set_id, values = known.manifest, known.secret_set, ledger.secrets_of(known)
        rebuilt = f"{known.name}, which had the same manifest"
    else:
        values = configured
        manifest = await _manifest(machines, desired, values, fly)
        set_id, rebuilt = ledger.secret_set_for(values), BY_MACHINES
    regions: dict[str, list[str]] = {}
    for machine in machines:
        regions.setdefault(machine.region, []).append(machine.id)
    entry = Release(
        version=newest.release,
        manifest=manifest,
        manifest_id=newest.manifest or manifest.id(set_id),
        secret_set=set_id,
        at=now(),
        by=(owner.names if (owner := Owner.parse(newest.owner)) else "unknown"),
        rebuilt=rebuilt,
        machines=regions,
    )
    return entry, values


async def _manifest(
    machines: Sequence[Seen], desired: DesiredRelease, values: Mapping[str, str], fly: FlyClient
) -> Manifest:
    """Make a manifest of what the machines say, and for the rest of the desired one."""
    like = desired.manifest
    by_group: dict[str, list[Seen]] = {}
    for machine in machines:
        by_group.setdefault(machine.group, []).append(machine)
    documents = {
        name: await fly.machine_document(like.app, there[0].id) for name, there in by_group.items()
    }
    newest = machines[0]
    return like.of_groups(
        (_group(name, there, like, documents[name]) for name, there in sorted(by_group.items())),
        image=by_digest(documents[newest.group]) or like.image,
        phase=newest.phase or like.phase,
        gates=_gates(newest, like.gates),
        secrets=tuple(sorted(values)),
    )


def _gates(machine: Seen, like: Gates) -> Gates:
    """Return what a machine must prove. One that was adopted need not limit, nor end as ours do."""
    if machine.manifest != ADOPTED:
        return like
    return like.model_copy(update={"limiter": False, "requests": (), "restart": False})


def _group(
    name: str, machines: Sequence[Seen], like: Manifest, document: Mapping[str, Any]
) -> Group:
    """Make a process group of what its machines say, in the order of the desired regions.

    Args:
        document: one of them as the API shows it.
    """
    here = {machine.region for machine in machines}
    order = [region for region in like.regions if region in here]
    regions = (*order, *sorted(here - set(order)))
    return Group.of_machines(
        name,
        document.get("config") or {},
        regions,
        max(1, len(machines) // len(regions)),
        is_kept=bool(machines[0].place),
    )


def _claimed(ledger: Ledger, request: ReleaseRequest, workspace: Workspace) -> Ledger:
    """Label the ledger with the stack and the app of the request.

    Raises:
        OwnerError: see `recover`.
    """
    owner = Owner.parse(request.owner)
    if ledger.app not in {"", request.app, workspace.orders.move}:
        raise moved(ledger.app, request.app, request.stack)
    return ledger.model_copy(
        update={
            "app": request.app,
            "state": owner.id if owner else ledger.state,
            "tenure": ledger.tenure or _new_tenure(),
        }
    )


def _newest(ledger: Ledger) -> str:
    return ledger.current.name if ledger.current else "nothing"


def _new_tenure() -> str:
    return random.token_hex(4)
