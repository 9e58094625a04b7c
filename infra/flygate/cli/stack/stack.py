"""A stack as the verbs see it: the checkout's environment, and a deployment that is watched."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final, TextIO

from flygate.cli.arguments.stack_name import checked
from flygate.cli.output import progress
from flygate.cli.output.failed_run import FailedRun
from flygate.cli.output.progress import Outcome
from flygate.commands.failure import Failure
from flygate.commands.orders import MOVE, Orders
from flygate.commands.workspace import journal_path
from flygate.config.stack_file import StackFile
from flygate.program.preview_note import PreviewNote
from flygate.pulumi.errors import LOCAL_STACK, PulumiError
from flygate.pulumi.pulumi import Pulumi
from flygate.rollout import serving
from flygate.system import project, space
from flygate.system.errors import FlygateError

# What `.flygate/env` sets for the local stack and a user of another stack may have set otherwise.
_OWN_TO_A_STACK: Final = (
    "PULUMI_BACKEND_URL",
    "PULUMI_CONFIG_PASSPHRASE",
    "PULUMI_CONFIG_PASSPHRASE_FILE",
    "FLY_API_BASE_URL",
    "FLY_FLAPS_BASE_URL",
    "FLY_API_TOKEN",
    "FLYGATE_DNS",
)


class RunFailedError(FlygateError):
    """A deployment, a rollback or the like failed; Pulumi's output is on the screen already.

    Attributes:
        is_held: the rollout goes on if an operator says so; what it is made of must stay.
        serves: what was seen to serve afterwards; empty where that was not looked at.
    """

    def __init__(
        self, what: str, exit_code: int = 1, *, is_held: bool = False, serves: str = ""
    ) -> None:
        super().__init__(what)
        self.exit_code = exit_code
        self.is_held = is_held
        self.serves = serves


@dataclass(frozen=True)
class Stack(Pulumi):
    """One environment of this checkout, by its Pulumi stack's name.

    Attributes:
        events: where a rollout's events go, one a line as JSON, instead of to the screen.

    Raises:
        UsageError: the name is empty, or none that Pulumi can have.
        NoProjectError: no folder with a Pulumi.yaml was found.
    """

    root: Path = field(default_factory=project.root)
    events: TextIO | None = None

    def __post_init__(self) -> None:
        checked(self.name)

    @property
    def is_local(self) -> bool:
        """Whether it runs on the local Fly."""
        return self.name == LOCAL_STACK

    @cached_property
    def environment(self) -> dict[str, str]:
        """The variables for Pulumi and for Fly.

        Raises:
            NotSetUpError: the checkout has no `.flygate/env`.
        """
        sourced = project.environment(self.root)
        if self.is_local:
            return sourced
        own = {name: os.environ[name] for name in _OWN_TO_A_STACK if name in os.environ}
        fly = {name for name in _OWN_TO_A_STACK if name.startswith("FLY")}
        if "PULUMI_CONFIG_PASSPHRASE" in own:
            fly.add("PULUMI_CONFIG_PASSPHRASE_FILE")
        return {k: v for k, v in sourced.items() if k not in fly} | own

    def run(self, *arguments: str, what: str, orders: Mapping[str, str] | None = None) -> None:
        """Run a Pulumi command on this stack, and show its progress.

        Args:
            what: is run, to begin a sentence with: `The deployment`.
            orders: for this run only: see `infra/flygate/commands/orders.py`.

        Raises:
            StackLockedError: another Pulumi works on it for longer than the orders say to wait.
            RunFailedError: why it failed, what serves now, and what to type.
            FlygateError: it was not begun: a disk is full, or its state was cut off.
        """
        environment = {**self.environment, **(orders or {})}
        space.check(space.folders(self.root, environment))
        self.check_whole()
        self.wait_until_unlocked(Orders.from_env(environment).wait_seconds)
        app = self._app(what)
        path = journal_path(self.root, app)
        if "--skip-preview" in arguments:
            PreviewNote(self.root, app).forget()
        words = ["pulumi", *arguments, "--stack", self.name]
        command = progress.Command(words, self.root, environment, path)
        try:
            outcome = progress.follow(command, events=self.events)
        finally:
            self.close_state()
        # Pulumi may end with 0 though its state found no room.
        if outcome.code != 0 or self.is_cut_off():
            raise self._failure(what, environment.get(MOVE) or app, outcome)

    def _app(self, what: str) -> str:
        """Return the app's name, which Pulumi has if it can read the stack."""
        try:
            return self.config("app") or ""
        except PulumiError as exc:
            app = str(StackFile.read(self.root, self.name).values.get("app", ""))
            outcome = Outcome(1, [], [f"error: {exc}"])
            raise self._failure(what, app, outcome) from None

    def _failure(self, what: str, app: str, outcome: Outcome) -> RunFailedError:
        """Return why it failed, what serves now, and what to type."""
        typed = shlex.join(["flygate", *sys.argv[1:]])
        run = FailedRun(
            what, self.name, typed, self.is_left_locked(), outcome.events, outcome.printed
        )
        found, serves = run.diagnosis(), asyncio.run(serving.report(app, self.environment))
        words = Failure(found.cause, serves, found.remedy)
        return RunFailedError(str(words), found.exit_code, is_held=found.is_held, serves=serves)
