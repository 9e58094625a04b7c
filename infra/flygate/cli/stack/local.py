"""The stack `local`: made by `make up`, with a configuration to start with."""

from __future__ import annotations

import json
from typing import Any

from flygate.cli.stack.stack import Stack
from flygate.pulumi.errors import PulumiError
from flygate.system.errors import FlygateError

# What it starts with; all of it can be changed with `pulumi config set`.
FIRST = {
    "app": "flygate-local",
    "phase": "1",
    "env.RATE_LIMIT_RPM": "60",
    "env.RATE_LIMIT_BURST": "10",
}
# How it rolls out by default: a stack made by an older Flygate may have no such section.
ROLLOUT = {
    # The local proxy knows of a cordon at once; Fly's proxies take seconds.
    "rollout.drain": "0s",
    "rollout.wait": "30s",
    # A process starts in no time here, and what crashes at its start has done so by then.
    "rollout.uptime": "3s",
    # Only you call it: there would be nothing to compare.
    "rollout.strategy": "bluegreen",
    "rollout.soak": "0s",
}


def prepare(stack: Stack) -> None:
    """Make the stack, select it, and add what its configuration lacks; what it has stays.

    Raises:
        FlygateError: Pulumi can't make the stack; with Pulumi's reason.
    """
    try:
        stack.ask("stack", "select", "--create", "--non-interactive")
    except PulumiError as exc:
        raise FlygateError(f"The stack {stack.name} can't be made: {exc}") from None
    missing = missing_in(json.loads(stack.ask("config", "--json")))
    if missing:
        pairs = [part for pair in missing.items() for part in ("--plaintext", "=".join(pair))]
        stack.edit(("set-all", "--path", *pairs))


def missing_in(config: dict[str, Any]) -> dict[str, str]:
    """Return what has to be set.

    Args:
        config: as `pulumi config --json` prints it.
    """
    if "flygate:app" not in config:
        return FIRST | ROLLOUT
    present = config.get("flygate:rollout", {}).get("objectValue", {})
    return {key: value for key, value in ROLLOUT.items() if key.partition(".")[2] not in present}
