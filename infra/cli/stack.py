"""A stack as the verbs see it: its environment variables, its outputs, and Pulumi run on it.

Pulumi is run as a user would type it, in the project's folder; there is no Automation API.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TextIO

from infra import private, pulumi_lock
from infra.cli import progress
from infra.cli.stack_name import checked
from infra.config import PROJECT, secrecy
from infra.errors import ConfigError, FlygateError
from infra.ops.orders import Orders
from infra.ops.site import journal_path
from infra.previewed import Previewed
from infra.rollout.errors import LockHeld
from infra.rollout.journal import Event
from infra.stack_file import StackFile

ROOT = Path(__file__).resolve().parents[2]
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
_OUTCOMES = {"finished": 0, "restored": 2, "refused": 3, "held": 3, "restore-failed": 4}
_LOCK_POLL_SECONDS = 0.5
# Commands of Pulumi that write into the state.
_WRITERS = frozenset({"stack", "state"})


class PulumiFailed(FlygateError):
    """Pulumi ended with an error, which it has printed itself.

    Attributes:
        is_held: the rollout goes on if an operator says so; what it is made of must stay.
    """

    def __init__(self, what: str, exit_code: int = 1, *, is_held: bool = False) -> None:
        super().__init__(what)
        self.exit_code = exit_code
        self.is_held = is_held


@dataclass(frozen=True)
class Stack:
    """One environment of this checkout, by its Pulumi stack's name.

    Attributes:
        events: where a rollout's events go, one a line as JSON, instead of to the screen.

    Raises:
        Misused: the name is empty, or none that Pulumi can have.
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
            orders: what is ordered for this run only: see `infra/ops/orders.py`.

        Raises:
            LockHeld: another Pulumi runs on this stack, longer than the orders say to wait.
            PulumiFailed: it failed; with the rollout's own last words and outcome, if there
                was one.
        """
        environment = {**self.environment, **(orders or {})}
        self._wait_for_pulumi(Orders.from_env(environment).wait_seconds)
        app = self.config("app") or ""
        path = journal_path(self.root, app)
        if "--skip-preview" in arguments:
            Previewed(self.root, app).forget()
        words = ["pulumi", *arguments, "--stack", self.name]
        command = progress.Command(words, self.root, environment, path)
        try:
            outcome = progress.follow(command, events=self.events)
        finally:
            self._close_state()
        if outcome.code != 0:
            raise PulumiFailed(
                _last_words(outcome.events) or f"{what} failed.",
                _exit_code(outcome.events),
                is_held=any(event.kind == "held" for event in outcome.events),
            )

    def check_unlocked(self) -> None:
        """No other Pulumi runs on this stack.

        Raises:
            LockHeld: one does, or died and left its lock.
        """
        self._wait_for_pulumi(0.0)

    def _wait_for_pulumi(self, seconds: float) -> None:
        """Pulumi itself would refuse at once, and with an exit code that says nothing."""
        deadline = time.monotonic() + seconds
        while (lock := pulumi_lock.find(self.environment, self.name)) is not None:
            if lock.is_dead:
                raise LockHeld(
                    f"{lock} died and left its lock. Nothing was changed. "
                    f"`flygate unlock {self.name}` ends the lock; then run the same command again."
                )
            if time.monotonic() > deadline:
                raise LockHeld(
                    f"{self.name} is being changed: {lock}. Nothing was changed by this command. "
                    "Run it again when that has ended, or let it wait with `--wait 10m`."
                )
            time.sleep(_LOCK_POLL_SECONDS)

    def ask(self, *arguments: str, given: str | None = None) -> str:
        """What a Pulumi command on this stack prints.

        Args:
            given: what it gets on its standard input, where nobody sees a secret.

        Raises:
            PulumiFailed: with what it wrote on standard error.
        """
        process = self._captured(*arguments, given=given)
        if "no stack named" in process.stderr:
            raise PulumiFailed(
                f"There is no stack {self.name!r} yet. Make it with "
                + ("`make up`." if self.is_local else f"`flygate init {self.name}`.")
            )
        if process.returncode != 0:
            raise PulumiFailed(f"pulumi {arguments[0]} failed: {process.stderr.strip()}")
        return process.stdout

    def preview(self) -> dict[str, Any]:
        """Pulumi's preview as JSON.

        Raises:
            PulumiFailed: with the program's own words.
        """
        process = self._captured("preview", "--json", "--non-interactive")
        try:
            found: dict[str, Any] = json.loads(process.stdout)
        except ValueError:
            raise PulumiFailed(f"pulumi preview failed: {process.stderr.strip()}") from None
        if process.returncode != 0:
            errors = [d for d in found.get("diagnostics", []) if d.get("severity") == "error"]
            raise PulumiFailed("\n".join(_plain(error["message"]) for error in errors))
        return found

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs; none before the first deployment.

        Raises:
            PulumiFailed: there is no such stack.
        """
        outputs: dict[str, Any] = json.loads(
            self.ask("stack", "output", "--json", "--show-secrets")
        )
        return outputs

    def config(self, key: str) -> str | None:
        """A value of the stack's configuration, as text; None if it has none.

        Raises:
            PulumiFailed: it can't be read: there is no such stack, the passphrase is another one, …
        """
        try:
            return self.ask("config", "get", key).rstrip("\n")
        except PulumiFailed as exc:
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
        """Set values of the stack's configuration: texts, or maps that stay maps.

        A map as text would be lost with the first `pulumi config set --path` of a part of it. None
        removes a value.
        """
        given = {f"{PROJECT}:{k}": _entry(one) for k, one in values.items() if one is not None}
        if given:
            self.ask("config", "set-all", "--json", json.dumps(given))
        for key in (key for key, one in values.items() if one is None):
            if self.written(key) is not None:
                self.ask("config", "rm", key)

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
            raise PulumiFailed("There is no pulumi on the PATH. Run `scripts/bootstrap`.") from None
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


def _last_words(events: list[Event]) -> str:
    """What became of a rollout that failed: the reason, and what serves now."""
    failures = [event for event in events if event.kind in {"failed", "refused", "held"}]
    if not failures:
        return ""
    reason = failures[-1].text.splitlines()[0]
    if failures[-1].kind == "held":
        return f"{failures[-1].release} is held: {reason}. `flygate proceed` or `flygate abort`"
    ends = [event.text for event in events if event.kind in {"restored", "restore-failed"}]
    return f"{failures[-1].release} was not released: {reason}. " + " ".join(ends)


def _exit_code(events: list[Event]) -> int:
    """The exit code for what a rollout came to, if one ran at all."""
    ends = [event.kind for event in events if event.kind in _OUTCOMES]
    return _OUTCOMES[ends[-1]] or 1 if ends else 1


def _sourced(path: Path) -> dict[str, str]:
    """The environment as it is after a shell read a file."""
    if not path.exists():
        raise ConfigError("This checkout is not set up. Run `make up` first.")
    script = '. "$1" && env -0'
    process = subprocess.run(
        ["/bin/sh", "-c", script, "sh", str(path)], capture_output=True, text=True, check=True
    )
    return dict(line.split("=", 1) for line in process.stdout.split("\0") if "=" in line)
