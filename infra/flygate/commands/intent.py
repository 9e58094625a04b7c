"""`Intent`: what one run sets out to do. It is complete before a lease is taken."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from flygate_wire.signature import new_key

from flygate.commands import app_key, decision, local_image, recovery
from flygate.commands.decision import Case, Decision, Newest
from flygate.commands.desired_release import desired_release
from flygate.commands.orders import Orders
from flygate.commands.recovery import Recovered
from flygate.commands.request import ReleaseRequest
from flygate.commands.workspace import Workspace
from flygate.record import bounds
from flygate.record.ledger import Ledger
from flygate.record.provenance import Provenance
from flygate.rollout.desired import DesiredRelease
from flygate.rollout.state import State
from flygate.rollout.target import Target


@dataclass(frozen=True, slots=True)
class Intent:
    """What is desired, the ledger before it, and who asks for it.

    Attributes:
        ledger: with the app's key, and an entry for what serves.
        target: without a version; a decision sets it.
        is_again: what runs is released once more, though nothing of it has changed.
        notices: how the ledger was recovered, a line each.
    """

    request: ReleaseRequest
    desired: DesiredRelease
    ledger: Ledger
    target: Target
    orders: Orders
    provenance: Provenance
    is_again: bool = False
    notices: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """Why an operator wants it, or empty."""
        return self.desired.reason or self.provenance.reason

    def decide(self, state: State, *, is_again: bool = False) -> Decision:
        """Return what is to be done about what runs.

        Args:
            is_again: release what runs once more, whatever the intent says of it.
        """
        case = Case.of(state, Newest.of(self.ledger), self.target, self.orders)
        return decision.decide(replace(case, is_again=self.is_again or is_again))


async def desire(
    request: ReleaseRequest,
    secrets: Mapping[str, str],
    found: Recovered,
    state: State,
    workspace: Workspace,
) -> Intent:
    """Make the intent of a request. It changes nothing but the local registry.

    Args:
        secrets: as in `desired_release`.
        found: the ledger to begin with.
        state: what runs.

    Raises:
        ConfigError: see `desired_release`, `bounds.check` and `local_image.ensure`.
        LedgerError: see `desired_release`.
        ImageError: see `local_image.ensure`.
    """
    fly, orders = workspace.fly, workspace.orders
    key = await app_key.find(found.ledger, state, fly)
    # Before the secret set gets its name, which the key is part of: so the set is recognised.
    ledger = found.ledger.model_copy(update={"key": key or new_key()})
    desired = desired_release(request, secrets, ledger)
    bounds.check(desired.manifest, desired.secrets)
    await local_image.ensure(desired.manifest, request.source, workspace.root, fly)
    ledger, notices = await recovery.reconcile(ledger, state, desired, secrets, fly)
    target = Target(
        0,
        desired,
        url=await fly.app_url(request.app),
        drift=request.drift,
        former_manifest=ledger.current.manifest if ledger.current else None,
        former_manifest_id=ledger.current.manifest_id if ledger.current else "",
        former_secrets=ledger.current_secrets,
        key=ledger.key,
        former_key=found.ledger.key if found.ledger.releases else key,
        owner=request.owner,
        holder=ledger.tenure,
        at=time.time(),
        accepted=orders.accept,
    )
    former = decision.aimed(Case.of(state, Newest.of(ledger), target, orders)).former
    is_known = former is None or ledger.current is not None
    return Intent(
        request,
        desired,
        ledger,
        replace(target, is_former_known=is_known),
        orders,
        Provenance.read(workspace.root),
        found.is_replacement,
        (*found.notices, *notices),
    )
