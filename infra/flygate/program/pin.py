"""The pin that holds in this run. This runs while Pulumi locks the stack, but for a preview."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import pulumi

from flygate import config
from flygate.commands import unrecorded
from flygate.commands.decision import Newest
from flygate.commands.orders import Back, Orders
from flygate.commands.unrecorded import UnrecordedRequest
from flygate.config import Pin, StackConfig
from flygate.program import question
from flygate.program.way_back import WayBack, WayBackNote
from flygate.record import pinning
from flygate.record.stack_record import StackRecord
from flygate.system import project


def with_pin(
    raw: Mapping[str, Any], recorded: StackRecord, owner: str, orders: Orders
) -> dict[str, Any]:
    """Return the stack's configuration with the pin that holds in place of the file's.

    Raises:
        OwnerError: the configuration names another app than the one where the stack releases.
        PinnedError: the stack is pinned, and no order ends the pin.
        LedgerError: there is no release to go back to.
    """
    stack = config.load(raw)
    recorded.check_identity(stack.app, pulumi.get_stack(), orders.move)
    return pinning.laid(raw, _pin(stack, recorded, owner, orders))


def _pin(stack: StackConfig, recorded: StackRecord, owner: str, orders: Orders) -> Pin | None:
    if orders.back:
        return _way_back(orders.back, stack, recorded, owner)
    if orders.decides:
        return None if orders.forward else stack.pin
    return pinning.holding(stack.pin, recorded.ledger, pulumi.get_stack())


def _way_back(order: Back, stack: StackConfig, recorded: StackRecord, owner: str) -> Pin:
    known = recorded.ledger.next_version - 1
    request = UnrecordedRequest(app=stack.app, known=known, owner=owner)
    seen = question.ask(partial(unrecorded.find, request), stack.app)
    way = WayBack.of(order, recorded.ledger, Newest(seen.version, seen.manifest))
    WayBackNote(project.root(), stack.app).write(way)
    pulumi.log.info(way.describe(pulumi.get_stack()))
    return way.pin
