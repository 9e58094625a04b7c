"""A command that was typed wrongly: the error, its exit code, and the check of empty arguments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flygate.system.errors import FlygateError

# As in sysexits.h; the rollout's outcomes have the small numbers.
MISUSED = 64

# Free text that a script hands over as it is: nothing else happens if it is empty.
_MAY_BE_EMPTY = frozenset({"--override", "--reason", "--wait"})
_REST = "--"


class UsageError(FlygateError):
    """The command line asks for something that can't be meant; nothing was done."""

    exit_code = MISUSED


def check_words(words: Sequence[str]) -> None:
    """No argument is empty: `flygate rollback "$STACK"` with an unset variable has one.

    An empty stack would be the one that Pulumi has selected, an empty folder the current one.

    Args:
        words: the command line without the program's name.

    Raises:
        UsageError: one is empty, or has nothing but white space.
    """
    for what in _empty(words):
        raise UsageError(
            f"{what} is empty: is a variable of the shell not set? Nothing was done. "
            f"`flygate {' '.join([*_verb(words), '--help'])}` shows what it takes."
        )


def _empty(words: Sequence[str]) -> Iterator[str]:
    before = ""
    for number, word in enumerate(words, start=1):
        if word == _REST:
            return  # what follows is handed to another program, or is checked as a stack's name
        name, equals, value = word.partition("=")
        if not word.strip() and before not in _MAY_BE_EMPTY:
            yield f"The value of {before}" if before.startswith("--") else f"Argument {number}"
        if equals and name.startswith("--") and not value.strip() and name not in _MAY_BE_EMPTY:
            yield f"The value of {name}"
        before = word


def _verb(words: Sequence[str]) -> Sequence[str]:
    return [word for word in words[:1] if word.strip() and not word.startswith("-")]
