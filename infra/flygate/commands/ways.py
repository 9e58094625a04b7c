"""The ways of a release: back to an earlier one, which pins the stack, and forward again."""

from __future__ import annotations

from flygate.commands.orders import Orders
from flygate.commands.request import ReleaseRequest
from flygate.fly.owner import Owner
from flygate.record import pinning
from flygate.record.ledger import Ledger
from flygate.record.provenance import now


def check_pin(request: ReleaseRequest, ledger: Ledger, orders: Orders) -> None:
    """Nobody's deployment ends a pin by the way; the program has said so in the preview already.

    Raises:
        PinnedError: this one would.
    """
    if not orders.decides:
        pinning.holding(request.pin, ledger, _stack(request))


def settled(ledger: Ledger, request: ReleaseRequest, orders: Orders) -> Ledger:
    """The ledger of a run that has succeeded, with what has become of the pin."""
    if request.pin:
        return ledger.pinned(request.pin)
    return ledger.unpinned(now()) if ledger.pin or orders.forward else ledger


def _stack(request: ReleaseRequest) -> str:
    owner = Owner.parse(request.owner)
    return owner.stack if owner else "<stack>"
