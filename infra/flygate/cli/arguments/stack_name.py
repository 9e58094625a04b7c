"""The name of a stack as it is typed: the one argument that says what a verb acts on."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from flygate.cli.arguments.usage import UsageError

# Pulumi's own rule, for a name alone and for one with its project, or organisation and project,
# before it. One that begins with a dash or a dot would be taken for an option or a folder.
_PART = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}"
_NAME = re.compile(rf"({_PART}/){{0,2}}{_PART}")


def checked(name: str) -> str:
    """A name that Pulumi can have.

    Given an empty one, Pulumi would act on the stack that is selected, whichever that is.

    Raises:
        UsageError: it is none.
    """
    if not name.strip():
        raise UsageError(
            "The name of the stack is empty: is a variable of the shell not set? Nothing was done. "
            "Name the stack: local, staging, prod, or another one."
        )
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} can't be the name of a stack: letters, digits, `-`, `_` and `.` only, at "
            "most 100 of them, the first one no `-` and no `.`. Nothing was done. Name the stack: "
            "local, staging, prod, or another one."
        )
    return name


# A verb that changes something has no default, or `local`.
StackName = Annotated[
    str,
    typer.Argument(metavar="STACK", callback=checked, help="The stack: local, staging, prod, …"),
]
