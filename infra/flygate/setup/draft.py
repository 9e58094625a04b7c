"""A stack's file while it is written: in a folder of its own; in its place only when it is whole.

Pulumi writes it, so that it knows the stack, encrypts the secrets, and keeps the comments.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from flygate import config
from flygate.config import generated_secrets
from flygate.config.generated_secrets import GENERATED
from flygate.config.stack_file import StackFile, path_of, template
from flygate.pulumi.errors import StackExistsError
from flygate.setup.choices import Choices
from flygate.system import private
from flygate.system.errors import FlygateError

_PROJECT_FILE = "Pulumi.yaml"


class WritableStack(Protocol):
    """A stack, and Pulumi run on it; see `infra/flygate/pulumi/pulumi.py`."""

    @property
    def name(self) -> str:
        """The stack's name."""

    @property
    def root(self) -> Path:
        """The checkout."""

    def ask(self, *arguments: str, given: str | None = None) -> str:
        """Return what a Pulumi command on this stack prints; `given` goes to its standard input."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was done.

    Attributes:
        made_stack: there was no such stack before.
        keys: the keys that were set.
        secrets: the names of those that were generated.
        is_changed: the file differs from before.
    """

    made_stack: bool
    keys: tuple[str, ...]
    secrets: tuple[str, ...]
    is_changed: bool


def write(stack: WritableStack, file: StackFile, choices: Choices) -> Written:
    """Complete a stack and its file. What is there already, a secret above all, stays as it is.

    Raises:
        FlygateError: Pulumi refuses; then nothing was changed, nor is it after Ctrl-C.
    """
    with _folder(stack.root) as folder:
        draft = _Draft(stack, folder)
        draft.begin(file.text or template(stack.name, choices.source))
        try:
            missing = _missing(file, choices)
            draft.make_stack()
            draft.set_values(missing)
            made = tuple(name for name in GENERATED if name not in draft.secrets())
            for name in made:
                draft.set_secret(name, generated_secrets.new())
            return Written(draft.made_stack, tuple(missing), made, draft.publish(file.text))
        except BaseException:
            draft.undo()
            raise


def _missing(file: StackFile, choices: Choices) -> dict[str, Any]:
    """Return what the file lacks; what a template has does not count."""
    desired = choices.values()
    if file.is_template:
        return desired
    desired.pop("image", None)  # a file without one runs the checkout
    return {key: value for key, value in desired.items() if key not in file.values}


@dataclass(slots=True)
class _Draft:
    """The folder with the file that comes to be."""

    stack: WritableStack
    folder: Path
    made_stack: bool = field(default=False, init=False)

    def begin(self, text: str) -> None:
        shutil.copy(self.stack.root / _PROJECT_FILE, self.folder / _PROJECT_FILE)
        self._file.write_text(text, encoding="utf-8")

    def make_stack(self) -> None:
        """Let Pulumi make it, unless it was made before."""
        with contextlib.suppress(StackExistsError):
            self._ask("stack", "init", "--no-select", "--non-interactive")
            self.made_stack = True

    def set_values(self, values: Mapping[str, Any]) -> None:
        words = [
            f"{path}={text}" for key, value in values.items() for path, text in _flat(key, value)
        ]
        if words:
            pairs = [part for word in words for part in ("--plaintext", word)]
            self._ask("config", "set-all", "--path", *pairs)

    def secrets(self) -> set[str]:
        """Return the names of the secrets that exist; reading them proves the passphrase."""
        found = json.loads(self._ask("config", "--json", "--show-secrets"))
        entry = found.get(f"{config.PROJECT}:secrets") or {"value": "{}"}
        return set(config.load_secrets({"secrets": entry["value"]}))

    def set_secret(self, name: str, value: str) -> None:
        self._ask("config", "set", "--secret", "--path", f"secrets.{name}", given=value)

    def publish(self, former: str) -> bool:
        """Put the file in its place, at once; False if it is as it was."""
        if self._file.read_text(encoding="utf-8") == former:
            return False
        with self._file.open("rb") as written:
            os.fsync(written.fileno())
        os.replace(self._file, path_of(self.stack.root, self.stack.name))
        return True

    def undo(self) -> None:
        """Forget a stack that this draft made; it has nothing in it."""
        if self.made_stack:
            with contextlib.suppress(FlygateError):
                self._ask("stack", "rm", "--yes", "--non-interactive")

    def _ask(self, *arguments: str, given: str | None = None) -> str:
        return self.stack.ask(*arguments, "--cwd", str(self.folder), given=given)

    @property
    def _file(self) -> Path:
        return path_of(self.folder, self.stack.name)


@contextlib.contextmanager
def _folder(root: Path) -> Iterator[Path]:
    """Yield a folder beside the file's place, so that it can be moved there at once."""
    parent = private.folder(root / private.HOME)
    with tempfile.TemporaryDirectory(prefix="init-", dir=parent) as folder:
        yield Path(folder)


def _flat(key: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield a value as the paths and texts that `pulumi config set --path` wants."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield f"{key}.{name}", str(each)
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield f"{key}[{number}]", str(each)
    else:
        yield key, str(value)
