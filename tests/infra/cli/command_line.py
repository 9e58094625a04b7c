"""Every command of `flygate` that takes a stack, found by a walk over the command line itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import typer.main
from flygate.cli.__main__ import VERBS, build
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

# What they act on is the local Fly, or comes on standard input from Pulumi.
WITHOUT_STACK = ("local", "op")


@dataclass(frozen=True, slots=True)
class Command:
    """One of them.

    Attributes:
        words: how it is called.
        stack: the argument that names the stack.
        options, more: the least that must be said beside the stack.
    """

    words: tuple[str, ...]
    stack: TyperArgument
    options: tuple[str, ...]
    more: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join(self.words)

    def typed(self, stack: str) -> list[str]:
        """The command line for a stack."""
        return [*self.words, *self.options, stack, *self.more]

    def typed_after_dashes(self, stack: str) -> list[str]:
        """The same with a `--`, behind which nothing is an option."""
        return [*self.words, *self.options, "--", stack, *self.more]


def commands() -> list[Command]:
    """All of them, also of verbs that come later."""
    root = typer.main.get_command(build([]))
    assert isinstance(root, TyperGroup)
    assert set(root.commands) == set(VERBS)
    return list(_below(root, ()))


def _below(group: TyperGroup, words: tuple[str, ...]) -> Iterator[Command]:
    for name, command in group.commands.items():
        if not words and name in WITHOUT_STACK:
            continue
        if isinstance(command, TyperGroup):
            yield from _below(command, (*words, name))
        else:
            assert isinstance(command, TyperCommand)
            yield _command((*words, name), command)


def _command(words: tuple[str, ...], command: TyperCommand) -> Command:
    arguments = [each for each in command.params if isinstance(each, TyperArgument)]
    assert arguments, (
        f"`flygate {' '.join(words)}` takes no stack; if it needs none, say so in WITHOUT_STACK"
    )
    more = tuple("x" for each in arguments[1:] if each.required)
    options = [
        word
        for each in command.params
        if isinstance(each, TyperOption) and each.required
        for word in (each.opts[0], "x")
    ]
    return Command(words, arguments[0], tuple(options), more)
