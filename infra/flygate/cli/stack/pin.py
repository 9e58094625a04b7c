"""What the stack's file says of the pin, once a run has gone back or forward.

The pin itself is recorded with the releases, for all checkouts. The file carries it, too, so that a
plain `pulumi up` of this checkout keeps it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flygate.cli.stack.stack import RunFailedError, Stack
from flygate.commands.orders import WAIT
from flygate.config import Pin


def recorded(outputs: Mapping[str, Any]) -> Pin | None:
    """Return the pin as the last deployment left it.

    Args:
        outputs: the stack's.
    """
    found = outputs.get("pin")
    return Pin.model_validate(found) if found else None


def pin_of(stack: Stack) -> Pin | None:
    """Return the stack's pin: the recorded one, or the file's where an older Flygate ran."""
    if (found := recorded(stack.outputs())) is not None:
        return found
    text = stack.config("pin")
    return Pin.model_validate_json(text) if text else None


def deploy_with(
    stack: Stack, orders: Mapping[str, str], what: str, wait: str, after: Callable[[], None]
) -> None:
    """Run `pulumi up` by an order, then let the stack's file say what has become of the pin.

    Args:
        orders: see `infra/flygate/commands/orders.py`.
        wait: how long another rollout is waited for.
        after: notes it. It is called when the run has succeeded, or is held: `flygate proceed`
            goes on by the file.

    Raises:
        RunFailedError: the deployment failed; the file is as it was, unless it is only held.
    """
    try:
        given = {**orders, WAIT: wait} if wait else orders
        stack.run("up", "--yes", "--skip-preview", what=what, orders=given)
    except RunFailedError as exc:
        if exc.is_held:
            after()
        raise
    after()


def note(stack: Stack, pin: Pin | None) -> None:
    """Write a pin into the stack's file, or take it out."""
    value = pin.model_dump(mode="json") if pin else None
    if stack.written("pin") != value:
        stack.configure({"pin": value})
