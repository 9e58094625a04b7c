"""The Pulumi CLI, run on one stack as a user would type it, in the project's folder."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from flygate.config import PROJECT, secrecy, stack_file
from flygate.config.stack_file import StackFile
from flygate.pulumi import lock as pulumi_lock
from flygate.pulumi import state as pulumi_state
from flygate.pulumi.complaint import kind_of
from flygate.pulumi.errors import (
    CutOffError,
    NoSuchStackError,
    NotInstalledError,
    PulumiError,
    StackLockedError,
    UnsetKeyError,
)
from flygate.pulumi.lock import PulumiLock
from flygate.system import private

_LOCK_POLL_SECONDS: Final = 0.5
# Commands of Pulumi that write into the state.
_WRITERS: Final = frozenset({"stack", "state"})
# pulumi-command sets these for the programs that it runs.
_COMMANDS_OWN: Final = "PULUMI_COMMAND_"


@dataclass(frozen=True)
class Pulumi:
    """Pulumi on one stack.

    Attributes:
        name: the stack's name; `organization/project/stack` works, too.
        root: the folder with Pulumi.yaml.
    """

    name: str
    root: Path

    @cached_property
    def environment(self) -> Mapping[str, str]:
        """The variables that Pulumi gets: here those of this process."""
        return {k: v for k, v in os.environ.items() if not k.startswith(_COMMANDS_OWN)}

    def ask(self, *arguments: str, given: str | None = None, seconds: float | None = None) -> str:
        """Return what a Pulumi command on this stack prints.

        Args:
            given: its standard input, which no process list shows.
            seconds: how long it may take.

        Raises:
            PulumiError: of the class that fits, with what Pulumi wrote on standard error.
        """
        done = self._run(*arguments, given=given, seconds=seconds)
        if done.returncode != 0:
            raise self._error(done)
        return done.stdout

    def preview(self) -> dict[str, Any]:
        """Return Pulumi's preview, as its JSON.

        Raises:
            PulumiError: with the errors that the program reported.
        """
        done = self._run("preview", "--json", "--non-interactive")
        try:
            found: dict[str, Any] = json.loads(done.stdout)
        except ValueError:
            raise self._error(done) from None
        if done.returncode != 0:
            errors = [d for d in found.get("diagnostics", []) if d.get("severity") == "error"]
            raise PulumiError("\n".join(_plain(error["message"]) for error in errors))
        return found

    def outputs(self) -> dict[str, Any]:
        """Return the stack's outputs; none before the first deployment.

        Raises:
            PulumiError: Pulumi can't read the stack.
        """
        outputs: dict[str, Any] = json.loads(
            self.ask("stack", "output", "--json", "--show-secrets")
        )
        return outputs

    def config(self, key: str) -> str | None:
        """Return a value of the stack's configuration as text; None if it has none.

        Args:
            key: a key, or a path such as `secrets.API_KEY`.

        Raises:
            PulumiError: it can't be read: no such stack, another passphrase, …
        """
        words = ["--path", key] if "." in key else [key]
        try:
            return self.ask("config", "get", *words).rstrip("\n")
        except UnsetKeyError:
            return None

    def secret_texts(self) -> list[str]:
        """Return all that is secret in the stack's configuration: no text may show it."""
        found = json.loads(self.ask("config", "--json", "--show-secrets"))
        prefix = f"{PROJECT}:"
        ours = {k.removeprefix(prefix): one for k, one in found.items() if k.startswith(prefix)}
        sealed = {key for key, one in ours.items() if one.get("secret")}
        values = {key: one.get("value", "") for key, one in ours.items()}
        written = StackFile.read(self.root, self.name).values
        return list(secrecy.read(values, sealed, written).texts())

    def written(self, key: str) -> Any:
        """Return a value as the stack's file has it: a text, a map, …; None if it has none."""
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
            PulumiError: with what Pulumi wrote; the file is as it was.
        """
        if not changes:
            return
        with stack_file.replaced(self.root, self.name) as copy:
            for change in changes:
                self.ask("config", *change, "--config-file", str(copy))

    def check_whole(self) -> None:
        """Refuse to go on with a state that was cut off.

        Raises:
            CutOffError: it was; with what to type.
        """
        if (cut := pulumi_state.find_cut(self.environment, self.name)) is None:
            return
        unlock = (
            f"`flygate unlock {self.name}` lays it in its place; then run the same command again"
        )
        raise CutOffError(f"{cut}. {unlock if cut.copy else 'See `flygate doctor`'}.")

    def check_unlocked(self) -> None:
        """Refuse to go on beside another Pulumi.

        Raises:
            StackLockedError: one works on this stack, or died and left its lock.
        """
        self.wait_until_unlocked(0.0)

    def wait_until_unlocked(self, seconds: float) -> None:
        """Wait for another Pulumi, which this one would refuse at once and without a reason.

        Raises:
            StackLockedError: it works for longer, or died and left its lock.
        """
        deadline = time.monotonic() + seconds
        while (lock := pulumi_lock.find(self.environment, self.name)) is not None:
            if lock.is_dead:
                raise StackLockedError(
                    f"{lock} died and left its lock. Nothing was changed. "
                    f"`flygate unlock {self.name}` ends the lock; then run the same command again."
                )
            # A lock that is cut off counts as dead within two seconds.
            if time.monotonic() > deadline and isinstance(lock, PulumiLock):
                raise StackLockedError(
                    f"{self.name} is being changed: {lock}. Nothing was changed by this command. "
                    "Run it again when that has ended, or let it wait with `--wait 10m`."
                )
            time.sleep(_LOCK_POLL_SECONDS)

    def is_cut_off(self) -> bool:
        """Whether the state was cut off while it was written."""
        return pulumi_state.find_cut(self.environment, self.name) is not None

    def is_left_locked(self) -> bool:
        """Whether `flygate unlock` is needed: a lock is there, or a state that was cut off."""
        lock = pulumi_lock.find(self.environment, self.name)
        return lock is not None or self.is_cut_off()

    def close_state(self) -> None:
        """Take other users' rights from the files that Pulumi made with the umask of the shell."""
        private.tighten(self.root / private.HOME / "state")

    def _run(
        self, *arguments: str, given: str | None = None, seconds: float | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on this stack to its end."""
        try:
            return subprocess.run(
                ["pulumi", *arguments, "--stack", self.name],
                cwd=self.root,
                env=self.environment,
                input=given or "",
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
            )
        except FileNotFoundError:
            raise NotInstalledError(
                "There is no pulumi on the PATH. Run `scripts/bootstrap`."
            ) from None
        except subprocess.TimeoutExpired:
            raise PulumiError(f"pulumi {arguments[0]} took more than {seconds:g} s") from None
        finally:
            if arguments[0] in _WRITERS:
                self.close_state()

    def _error(self, done: subprocess.CompletedProcess[str]) -> PulumiError:
        """Return the error of a command that failed."""
        kind = kind_of(done.stderr, done.returncode)
        if kind is NoSuchStackError:
            return NoSuchStackError.of(self.name)
        try:
            self.check_whole()
        except CutOffError as exc:
            return exc
        return kind(f"pulumi {done.args[1]} failed: {done.stderr.strip()}")


def _entry(value: Any) -> dict[str, Any]:
    """Return a plain value in the form of `pulumi config --json`."""
    if isinstance(value, str):
        return {"value": value, "secret": False}
    return {"value": json.dumps(value), "objectValue": value, "secret": False}


def _plain(message: str) -> str:
    return message.strip().removeprefix("error:").strip()
