"""The ways of a release: back to an earlier one, which pins the stack, and forward again."""

from __future__ import annotations

from infra import pinning
from infra.ops.orders import Orders
from infra.ops.request import ReleaseRequest
from infra.owner import Owner
from infra.provenance import now
from infra.rollout.errors import Unfinished
from infra.rollout.ledger import Ledger
from infra.rollout.observe import CANDIDATE, State
from infra.rollout.target import Target


def check_pin(request: ReleaseRequest, ledger: Ledger, orders: Orders) -> None:
    """Nobody's deployment ends a pin by the way; the program has said so in the preview already.

    Raises:
        PinnedError: this one would.
    """
    if not orders.decides:
        pinning.holding(request.pin, ledger, _stack(request))


def check_finished(request: ReleaseRequest, target: Target, state: State, orders: Orders) -> None:
    """A way back takes what serves back, and not what stands beside it half-way.

    Raises:
        Unfinished: a rollout of another manifest was held, or died.
    """
    left = [
        m
        for m in state.machines
        if m.role == CANDIDATE and m.release > (target.former or 0)
        if m.manifest != target.manifest_id
    ]
    if not orders.back or not left:
        return
    stack, release = _stack(request), f"v{left[0].release}"
    on = f'flygate proceed {stack} --reason "…"' if left[0].held else f"pulumi up --stack {stack}"
    raise Unfinished(
        f"{release} is {'held' if left[0].held else 'not finished'}: its machines stand beside "
        f"{target.former_name}, which a rollback would take back. `flygate abort {stack}` takes "
        f"{release} back, `{on}` goes on with it. Nothing was changed"
    )


def settled(ledger: Ledger, request: ReleaseRequest, orders: Orders) -> Ledger:
    """The ledger of a run that has succeeded, with what has become of the pin."""
    if request.pin:
        return ledger.pinned(request.pin)
    return ledger.unpinned(now()) if ledger.pin or orders.forward else ledger


def _stack(request: ReleaseRequest) -> str:
    owner = Owner.parse(request.owner)
    return owner.stack if owner else "<stack>"
