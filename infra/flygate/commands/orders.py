"""What an operator orders for one run only. Orders are no inputs, so they come by environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from flygate.config.section import Section
from flygate.system import duration
from flygate.system.errors import ConfigError

ACCEPT = "FLYGATE_ACCEPT"
ABORT = "FLYGATE_ABORT"
WAIT = "FLYGATE_WAIT"
MOVE = "FLYGATE_MOVE"
BACK = "FLYGATE_BACK"
FORWARD = "FLYGATE_FORWARD"
NO_HOOKS = "FLYGATE_NO_HOOKS"
VOLUMES = "FLYGATE_VOLUMES"


class Back(Section):
    """The order to go back to an earlier release, which is chosen while the stack is locked.

    Attributes:
        to: a release by name; None leaves the choice to `history.rollback_target`.
        by, at, reason: who wants it, when (RFC 3339) and why.
        fast, release_command: as in `Pin`.
    """

    to: str | None = None
    by: str
    at: str
    reason: str = ""
    fast: bool = False
    release_command: bool = False

    @classmethod
    def parse(cls, text: str) -> Back:
        """Read an order.

        Raises:
            ConfigError: it is none.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as exc:
            wrong = exc.errors(include_input=False)
            raise ConfigError(f"{BACK} is no order of `flygate rollback`: {wrong}") from None


@dataclass(frozen=True, slots=True)
class Orders:
    """Attributes:
    accept: why a held rollout goes on though its gate could not decide, or empty.
    abort: why a held rollout is taken back, or empty.
    wait_seconds: how long another rollout is waited for.
    move: the app that the stack moves away from, or empty.
    back: an earlier release shall run.
    forward: the pin ends.
    volumes: the app whose volumes a destroy may take along, or empty.
    no_hooks: who ordered to skip `hooks/before-rollout`, or empty.
    """

    accept: str = ""
    abort: str = ""
    wait_seconds: float = 0.0
    move: str = ""
    back: Back | None = None
    forward: bool = False
    no_hooks: str = ""
    volumes: str = ""

    @property
    def decides(self) -> bool:
        """Whether it says what becomes of a pin, or of a rollout that a run has held."""
        return bool(self.back or self.forward or self.accept or self.abort)

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Orders:
        """Read them.

        Raises:
            ConfigError: the wait is no duration, or the way back no order.
        """
        env = os.environ if env is None else env
        wait, back = env.get(WAIT, ""), env.get(BACK, "")
        return cls(
            accept=env.get(ACCEPT, ""),
            abort=env.get(ABORT, ""),
            wait_seconds=duration.seconds(wait) if wait else 0.0,
            move=env.get(MOVE, ""),
            back=Back.parse(back) if back else None,
            forward=bool(env.get(FORWARD)),
            no_hooks=env.get(NO_HOOKS, ""),
            volumes=env.get(VOLUMES, ""),
        )
