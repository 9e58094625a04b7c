"""Deploying with another pin, or with none; a deployment that fails leaves the pin as it was."""

from __future__ import annotations

import json

from infra.cli.stack import PulumiFailed, Stack
from infra.config import Pin


def deploy_with(stack: Stack, pin: Pin | None, what: str) -> None:
    """Change a stack's pin and run `pulumi up`.

    Raises:
        PulumiFailed: the deployment failed; the former pin is back.
    """
    former = stack.config("pin")
    _write(stack, json.dumps(pin.model_dump(mode="json")) if pin else None)
    try:
        stack.run("up", "--yes", "--skip-preview", what=what)
    except (PulumiFailed, KeyboardInterrupt):
        _write(stack, former)
        raise


def _write(stack: Stack, text: str | None) -> None:
    if text is None:
        stack.ask("config", "rm", "pin")
    else:
        stack.ask("config", "set", "pin", text)
