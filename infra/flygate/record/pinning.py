"""Which pin holds: the recorded one, for all operators of the stack, until it is ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flygate.config import Pin
from flygate.record.ledger import Ledger
from flygate.system.errors import PinnedError


def holding(configured: Pin | None, ledger: Ledger, stack: str) -> Pin | None:
    """Return the pin that holds in a run without an order to go back or forward.

    Args:
        configured: the pin of the stack's file.
        ledger: as the last deployment recorded it. An older Flygate recorded no pin: then the one
            of the file holds.
        stack: its name, for what to type.

    Raises:
        PinnedError: the run would leave the recorded pin, or bring back one that was ended.
    """
    recorded = ledger.pin
    if recorded is None:
        if configured and ledger.unpinned_at and configured.at <= ledger.unpinned_at:
            raise _void(configured, ledger.unpinned_at, stack)
        return configured
    if configured and configured.manifest == recorded.manifest:
        return recorded
    if configured and configured.at > recorded.at:
        return configured  # a later way back, which is held
    raise PinnedError(
        f"{described(stack, recorded)} This deployment would end that, so nothing was changed. "
        f"`flygate forward {stack}` ends the pin, for all who deploy it, and deploys the checkout."
    )


def described(stack: str, pin: Pin) -> str:
    """Say in a sentence who pinned what, when and why."""
    at = f" at {pin.at}" if pin.at else ""
    why = f": {pin.reason}" if pin.reason else ""
    return f"{stack} is pinned to {pin.version} by {pin.by or 'an unknown user'}{at}{why}."


def notice(stack: str, pin: Pin) -> str:
    """Say the same, and what to type."""
    return f"{described(stack, pin)} `flygate forward {stack}` ends it."


def laid(raw: Mapping[str, Any], pin: Pin | None) -> dict[str, Any]:
    """Return the stack's configuration with the pin that holds instead of the file's."""
    rest = {key: value for key, value in raw.items() if key != "pin"}
    return {**rest, "pin": pin.model_dump_json()} if pin else rest


def _void(pin: Pin, ended: str, stack: str) -> PinnedError:
    return PinnedError(
        f"Pulumi.{stack}.yaml carries a pin to {pin.version} of {pin.at or 'unknown date'}, "
        f"and at {ended} an operator went forward, which ended it. Nothing was changed. Remove it: "
        f"`pulumi config rm pin --stack {stack}`. To go back to {pin.version} once more: "
        f"`flygate rollback {stack} --to {pin.version}`."
    )
