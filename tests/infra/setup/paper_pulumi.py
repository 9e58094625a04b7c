"""A Pulumi that keeps stacks in memory, and writes stack files roughly as the real one does."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from flygate.config.stack_file import path_of
from flygate.pulumi.errors import StackExistsError
from flygate.system.errors import FlygateError


@dataclass
class PaperPulumi:
    """One stack, and Pulumi run on it.

    Attributes:
        stacks: those that Pulumi knows.
        secrets: of the stack, in clear.
        fails_at: the number of the command that fails, from 1; 0: none.
        failure: what that command raises.
        given: what came in on standard input.
        arguments: all commands' words.
    """

    root: Path
    name: str = "demo"
    stacks: set[str] = field(default_factory=set)
    secrets: dict[str, str] = field(default_factory=dict)
    fails_at: int = 0
    failure: BaseException = field(default_factory=lambda: FlygateError("Pulumi is out of order"))
    given: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    commands: int = 0

    def ask(self, *arguments: str, given: str | None = None) -> str:
        """Do what was asked for."""
        self.commands += 1
        self.arguments += arguments
        if self.commands == self.fails_at:
            raise self.failure
        words, folder = arguments[:2], Path(arguments[arguments.index("--cwd") + 1])
        assert (folder / "Pulumi.yaml").exists()
        if words == ("stack", "init"):
            self._init(folder)
        elif words == ("stack", "rm"):
            self.stacks.remove(self.name)
        elif words == ("config", "--json"):
            return json.dumps({"flygate:secrets": {"value": json.dumps(self.secrets)}})
        elif words == ("config", "set-all"):
            self._write(folder, "".join(f"# {word}\n" for word in arguments if "=" in word))
        else:
            assert words == ("config", "set")
            self._set_secret(folder, arguments[4], given or "")
        return ""

    def _init(self, folder: Path) -> None:
        if self.name in self.stacks:
            raise StackExistsError(self.name)
        self.stacks.add(self.name)
        self._write(folder, "encryptionsalt: some\n")

    def _set_secret(self, folder: Path, path: str, value: str) -> None:
        self.given.append(value)
        self.secrets[path.removeprefix("secrets.")] = value
        self._write(folder, f"# {path} is encrypted\n")

    def _write(self, folder: Path, text: str) -> None:
        with path_of(folder, self.name).open("a", encoding="utf-8") as file:
            file.write(text)
