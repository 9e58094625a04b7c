"""A stack as the verbs see it: its environment variables, its outputs, and Pulumi run on it.

Pulumi is run as a user would type it, in the project's folder; there is no Automation API.
"""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TextIO

from flygate.cli import progress
from flygate.cli.ending import Run
from flygate.cli.progress import Outcome
from flygate.cli.stack_name import checked
from flygate.commands.failure import Failure
from flygate.commands.orders import MOVE, Orders
from flygate.commands.workspace import journal_path
from flygate.config import PROJECT, secrecy, stack_file
from flygate.config.stack_file import StackFile
from flygate.program.preview_note import PreviewNote
from flygate.pulumi import lock as pulumi_lock
from flygate.pulumi import state as pulumi_state
from flygate.pulumi.lock import PulumiLock
from flygate.rollout import serving
from flygate.rollout.errors import LockHeldError
from flygate.system import private, space
from flygate.system.errors import ConfigError, FlygateError

ROOT = Path(__file__).resolve().parents[3]
LOCAL = "local"

# What `.flygate/env` sets for the local stack and a user of another stack may have set otherwise.
_OWN_TO_A_STACK = (
    "PULUMI_BACKEND_URL",
    "PULUMI_CONFIG_PASSPHRASE",
    "PULUMI_CONFIG_PASSPHRASE_FILE",
    "FLY_API_BASE_URL",
    "FLY_FLAPS_BASE_URL",
    "FLY_API_TOKEN",
    "FLYGATE_DNS",
)
_LOCK_POLL_SECONDS = 0.5
# Commands of Pulumi that write into the state.
_WRITERS = frozenset({"stack", "state"})


class PulumiFailedError(FlygateError):
    """Pulumi ended with an error, which it has printed itself.

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
class Stack:
    """One environment of this checkout, by its Pulumi stack's name.

    Attributes:
        events: where a rollout's events go, one a line as JSON, instead of to the screen.

    Raises:
        UsageError: the name is empty, or none that Pulumi can have.
    """

    name: str
    root: Path = ROOT
    events: TextIO | None = None

    def __post_init__(self) -> None:
        checked(self.name)

    @property
    def is_local(self) -> bool:
        """It runs on the local Fly."""
        return self.name == LOCAL

    @cached_property
    def environment(self) -> dict[str, str]:
        """The variables for Pulumi and for Fly.

        Raises:
            ConfigError: the checkout is not set up.
        """
        sourced = _sourced(self.root / ".flygate" / "env")
        if self.is_local:
            return sourced
        own = {name: os.environ[name] for name in _OWN_TO_A_STACK if name in os.environ}
        fly = {name for name in _OWN_TO_A_STACK if name.startswith("FLY")}
        if "PULUMI_CONFIG_PASSPHRASE" in own:
            fly.add("PULUMI_CONFIG_PASSPHRASE_FILE")
        return {k: v for k, v in sourced.items() if k not in fly} | own

    def run(self, *arguments: str, what: str, orders: Mapping[str, str] | None = None) -> None:
        """Run a Pulumi command on this stack, and show how it goes on.

        Args:
            orders: what is ordered for this run only: see `infra/flygate/commands/orders.py`.

        Raises:
            LockHeldError: another Pulumi runs on this stack, longer than the orders say to wait.
            PulumiFailedError: it failed; why, what serves now, and what to type.
            FlygateError: it was not begun: a disk is full, or its state was cut off.
        """
        environment = {**self.environment, **(orders or {})}
        space.check(space.folders(self.root, environment))
        if trouble := self._trouble():
            raise FlygateError(trouble)
        self._wait_for_pulumi(Orders.from_env(environment).wait_seconds)
        app = self._app(what)
        path = journal_path(self.root, app)
        if "--skip-preview" in arguments:
            PreviewNote(self.root, app).forget()
        words = ["pulumi", *arguments, "--stack", self.name]
        command = progress.Command(words, self.root, environment, path)
        try:
            outcome = progress.follow(command, events=self.events)
        finally:
            self._close_state()
        # Pulumi may end with 0 though its state found no room.
        if outcome.code != 0 or self._trouble():
            raise self._failure(what, environment.get(MOVE) or app, outcome)

    def check_unlocked(self) -> None:
        """No other Pulumi runs on this stack.

        Raises:
            LockHeldError: one does, or died and left its lock.
        """
        self._wait_for_pulumi(0.0)

    def _app(self, what: str) -> str:
        """The app's name, which Pulumi tells if it can read the stack."""
        try:
            return self.config("app") or ""
        except PulumiFailedError as exc:
            app = str(StackFile.read(self.root, self.name).values.get("app", ""))
            told = Outcome(1, [], [f"error: {exc}"])
            raise self._failure(what, app, told) from None

    def _failure(self, what: str, app: str, outcome: Outcome) -> PulumiFailedError:
        """Why it failed, what serves now, and what to type."""
        typed = shlex.join(["flygate", *sys.argv[1:]])
        is_locked = (
            bool(self._trouble()) or pulumi_lock.find(self.environment, self.name) is not None
        )
        run = Run(what, self.name, typed, is_locked, outcome.events, outcome.printed)
        ending, serves = run.ending(), asyncio.run(serving.report(app, self.environment))
        words = Failure(ending.cause, serves, ending.remedy)
        return PulumiFailedError(
            str(words), ending.exit_code, is_held=ending.is_held, serves=serves
        )

    def _trouble(self) -> str:
        """The state was cut off, and what to type; empty if it is whole."""
        cut = pulumi_state.find_cut(self.environment, self.name)
        unlock = (
            f"`flygate unlock {self.name}` lays it in its place; then run the same command again"
        )
        return f"{cut}. {unlock if cut.copy else 'See `flygate doctor`'}." if cut else ""

    def _wait_for_pulumi(self, seconds: float) -> None:
        """Pulumi itself would refuse at once, and with an exit code that says nothing."""
        deadline = time.monotonic() + seconds
        while (lock := pulumi_lock.find(self.environment, self.name)) is not None:
            if lock.is_dead:
                raise LockHeldError(
                    f"{lock} died and left its lock. Nothing was changed. "
                    f"`flygate unlock {self.name}` ends the lock; then run the same command again."
                )
            # One that is cut off is dead in a moment.
            if time.monotonic() > deadline and isinstance(lock, PulumiLock):
                raise LockHeldError(
                    f"{self.name} is being changed: {lock}. Nothing was changed by this command. "
                    "Run it again when that has ended, or let it wait with `--wait 10m`."
                )
            time.sleep(_LOCK_POLL_SECONDS)

    def ask(self, *arguments: str, given: str | None = None) -> str:
        """What a Pulumi command on this stack prints.

        Args:
            given: what it gets on its standard input, where nobody sees a secret.

        Raises:
            PulumiFailedError: with what it wrote on standard error.
        """
        process = self._captured(*arguments, given=given)
        if "no stack named" in process.stderr:
            raise PulumiFailedError(
                f"There is no stack {self.name!r} yet. Make it with "
                + ("`make up`." if self.is_local else f"`flygate init {self.name}`.")
            )
        if process.returncode != 0:
            said = self._trouble() or f"pulumi {arguments[0]} failed: {process.stderr.strip()}"
            raise PulumiFailedError(said)
        return process.stdout

    def preview(self) -> dict[str, Any]:
        """Pulumi's preview as JSON.

        Raises:
            PulumiFailedError: with the program's own words.
        """
        process = self._captured("preview", "--json", "--non-interactive")
        try:
            found: dict[str, Any] = json.loads(process.stdout)
        except ValueError:
            raise PulumiFailedError(f"pulumi preview failed: {process.stderr.strip()}") from None
        if process.returncode != 0:
            errors = [d for d in found.get("diagnostics", []) if d.get("severity") == "error"]
            raise PulumiFailedError("\n".join(_plain(error["message"]) for error in errors))
        return found

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs; none before the first deployment.

        Raises:
            PulumiFailedError: there is no such stack.
        """
        outputs: dict[str, Any] = json.loads(
            self.ask("stack", "output", "--json", "--show-secrets")
        )
        return outputs

    def config(self, key: str) -> str | None:
        """A value of the stack's configuration, as text; None if it has none.

        Raises:
            PulumiFailedError: it can't be read: no such stack, another passphrase, …
        """
        try:
            return self.ask("config", "get", key).rstrip("\n")
        except PulumiFailedError as exc:
            if f"configuration key '{key}' not found" not in str(exc):
                raise
            return None

    def secret_texts(self) -> list[str]:
        """All that is secret in the stack's configuration: no text of a machine may show it."""
        found = json.loads(self.ask("config", "--json", "--show-secrets"))
        prefix = f"{PROJECT}:"
        ours = {k.removeprefix(prefix): one for k, one in found.items() if k.startswith(prefix)}
        sealed = {key for key, one in ours.items() if one.get("secret")}
        values = {key: one.get("value", "") for key, one in ours.items()}
        written = StackFile.read(self.root, self.name).values
        return list(secrecy.read(values, sealed, written).texts())

    def written(self, key: str) -> Any:
        """A value as the stack's file has it: a text, a map, …; None if it has none."""
        return StackFile.read(self.root, self.name).values.get(key)

    def configure(self, values: Mapping[str, Any]) -> None:
        """Set values of the stack's configuration, all or none: texts, or maps that stay maps.

        A map as text would be lost with the first `pulumi config set --path` of a part of it. None
        removes a value.
        """
        given = {f"{PROJECT}:{k}": _entry(one) for k, one in values.items() if one is not None}
        gone = [key for key, one in values.items() if one is None and self.written(key) is not None]
        changes = [("set-all", "--json", json.dumps(given))] if given else []
        self.edit(*changes, *(("rm", key) for key in gone))

    def edit(self, *changes: Sequence[str]) -> None:
        """Change the stack's file, by what follows `pulumi config`: all of it or nothing.

        Raises:
            PulumiFailedError: with what Pulumi says; the file is as it was.
        """
        if not changes:
            return
        with stack_file.replaced(self.root, self.name) as copy:
            for change in changes:
                self.ask("config", *change, "--config-file", str(copy))

    def _captured(
        self, *arguments: str, given: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """A Pulumi command on this stack that has ended, with what it printed."""
        try:
            return subprocess.run(
                ["pulumi", *arguments, "--stack", self.name],
                cwd=self.root,
                env=self.environment,
                input=given,
                capture_output=True,
                text=True,
                check=False,
            )
        except FileNotFoundError:
            raise PulumiFailedError(
                "There is no pulumi on the PATH. Run `scripts/bootstrap`."
            ) from None
        finally:
            if arguments[0] in _WRITERS:
                self._close_state()

    def _close_state(self) -> None:
        """Pulumi writes files that all can read, as far as they can come into the folder."""
        private.tighten(self.root / private.HOME / "state")


def _entry(value: Any) -> dict[str, Any]:
    """A plain value in the form of `pulumi config --json`."""
    if isinstance(value, str):
        return {"value": value, "secret": False}
    return {"value": json.dumps(value), "objectValue": value, "secret": False}


def _plain(message: str) -> str:
    return message.strip().removeprefix("error:").strip()


def _sourced(path: Path) -> dict[str, str]:
    """The environment as it is after a shell read a file."""
    if not path.exists():
        raise ConfigError("This checkout is not set up. Run `make up` first.")
    script = '. "$1" && env -0'
    process = subprocess.run(
        ["/bin/sh", "-c", script, "sh", str(path)], capture_output=True, text=True, check=True
    )
    return dict(line.split("=", 1) for line in process.stdout.split("\0") if "=" in line)
