"""`OpenRecord`: Fly lists the release."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from flygate.fly.errors import FlyError
from flygate.rollout.execution import Execution
from flygate.rollout.target import Target

# A record only informs, so a rollout waits no longer for it.
SECONDS_MAX: Final = 10.0


@dataclass(frozen=True, slots=True)
class OpenRecord:
    """Begin a release record of Fly's, which the machines will name.

    flyctl takes a secret that was set after it for one that no machine has seen yet, so the
    secrets come before it. Records inform: that Fly takes none fails nothing.
    """

    title = "record"
    turn = None

    async def apply(self, execution: Execution) -> str:
        """Open the record."""
        target = execution.target
        image, definition = target.manifest.image, _definition(target)
        begin = execution.fly.records.begin(execution.app, image, target.strategy, definition)
        try:
            execution.record = await asyncio.wait_for(begin, SECONDS_MAX)
        except (FlyError, TimeoutError, LookupError, ValueError) as exc:
            reason = str(exc) or type(exc).__name__
            execution.journal.write(
                "warning", self.title, f"`fly releases` won't show it: {reason}"
            )
            return "none"
        return f"v{execution.record.version} of `fly releases`"

    async def undo(self, execution: Execution) -> None:
        """Nothing: a record shows failures, too. See `commands/effects.py`."""


def _definition(target: Target) -> dict[str, Any]:
    """Return the part of a fly.toml that a later flyctl command could want to read."""
    manifest = target.manifest
    return {
        "app": manifest.app,
        "primary_region": manifest.regions[0],
        "deploy": {"strategy": target.strategy},
        "env": dict(manifest.env),
    }
