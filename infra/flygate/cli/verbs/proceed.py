"""`flygate proceed`: a held rollout goes on."""

from __future__ import annotations

from typing import Annotated

import typer

from flygate.cli.arguments.stack_name import StackName
from flygate.cli.arguments.usage import UsageError
from flygate.cli.stack.held import held, unrecorded
from flygate.cli.stack.stack import Stack
from flygate.commands.orders import ACCEPT
from flygate.rollout.errors import NothingHeldError


def proceed(
    environment: StackName,
    reason: Annotated[str, typer.Option(help="Why it is good enough; the ledger keeps it.")],
) -> None:
    """Accept the step that a gate could not decide about, and go on with the next.

    The machines of that step stay as they are; later steps are judged as ever. To have the step
    judged once more instead, run `pulumi up` again.

    \b
    Example:
      flygate proceed staging --reason "it has no traffic at night"

    Exit codes: as those of `flygate rollback`.
    """
    stack = Stack(environment)
    if not reason.strip():
        raise UsageError(
            "--reason is empty, and the ledger keeps why the rollout went on. Nothing was done. "
            f'Say why: `flygate proceed {environment} --reason "…"`.'
        )
    print(_what_goes_on(stack), flush=True)
    orders = {ACCEPT: reason}
    stack.run("up", "--yes", "--skip-preview", what="The rollout", orders=orders)
    print(f"{environment} runs {stack.outputs()['release']}.")


def _what_goes_on(stack: Stack) -> str:
    """In a line.

    Raises:
        NothingHeldError: nothing does.
    """
    try:
        machine = held(stack)[0]
    except NothingHeldError:
        if version := unrecorded(stack):
            return f"v{version} of {stack.name} serves already: it is recorded"
        raise
    why = machine.held or "its rollout was interrupted"
    return f"v{machine.release} of {stack.name} goes on, though: {why}"
