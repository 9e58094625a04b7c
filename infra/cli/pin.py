"""Deploying with another pin, or with none; a deployment that fails leaves the pin as it was."""

from __future__ import annotations

import json

from infra.cli.stack import PulumiFailed, Stack
from infra.config import Pin
from infra.errors import FlygateError
from infra.ops.orders import WAIT


def deploy_with(stack: Stack, pin: Pin | None, what: str, wait: str = "") -> None:
    """Change a stack's pin and run `pulumi up`.

    Args:
        wait: how long another rollout is waited for.

    Raises:
        PulumiFailed: the deployment failed; the former pin is back, unless it is only held.
    """
    former = stack.config("pin")
    stack.configure({"pin": json.dumps(pin.model_dump(mode="json")) if pin else None})
    try:
        orders = {WAIT: wait} if wait else None
        stack.run("up", "--yes", "--skip-preview", what=what, orders=orders)
    except (FlygateError, KeyboardInterrupt) as exc:
        if not (isinstance(exc, PulumiFailed) and exc.is_held):
            stack.configure({"pin": former})
        raise
