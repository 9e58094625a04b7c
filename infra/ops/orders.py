"""What an operator ordered for one run only. Orders are no inputs, so they come by environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from infra import duration

ACCEPT = "FLYGATE_ACCEPT"
ABORT = "FLYGATE_ABORT"
WAIT = "FLYGATE_WAIT"
MOVE = "FLYGATE_MOVE"


@dataclass(frozen=True, slots=True)
class Orders:
    """Attributes:
    accept: why a held rollout goes on though its gate could not decide, or empty.
    abort: why a held rollout is taken back, or empty.
    wait_seconds: how long another rollout is waited for.
    move: the app that the stack moves away from, or empty.
    """

    accept: str = ""
    abort: str = ""
    wait_seconds: float = 0.0
    move: str = ""

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Orders:
        """Read them.

        Raises:
            ConfigError: the wait is no duration.
        """
        env = os.environ if env is None else env
        wait = env.get(WAIT, "")
        return cls(
            accept=env.get(ACCEPT, ""),
            abort=env.get(ABORT, ""),
            wait_seconds=duration.seconds(wait) if wait else 0.0,
            move=env.get(MOVE, ""),
        )
