"""`flygate abort`: a held rollout is taken back."""

from __future__ import annotations

from typing import Annotated

import typer

from flygate.cli.arguments.stack_name import StackName
from flygate.cli.stack.held import held
from flygate.cli.stack.pin import note, recorded
from flygate.cli.stack.stack import RunFailedError, Stack
from flygate.commands.orders import ABORT
from flygate.rollout.errors import RolloutRestoredError

NO_REASON = "not wanted"


def abort(
    environment: StackName,
    reason: Annotated[str, typer.Option(help="Why; the journal keeps it.")] = NO_REASON,
) -> None:
    """Remove the new machines of a held rollout; the former release serves as before.

    It goes through Pulumi, which reports the release as failed: that is what it is. The checkout
    and the configuration still ask for it, so change them before the next `pulumi up`. A pin is as
    it was before.

    \b
    Example:
      flygate abort prod --reason "latency looks odd"

    Exit codes: 0 taken back, 3 another rollout is under way, 4 not restored.
    """
    stack = Stack(environment)
    release = held(stack)[0].release
    # An empty order would be none, and Pulumi would go on with the rollout.
    orders = {ABORT: reason.strip() or NO_REASON}
    try:
        stack.run("up", "--yes", "--skip-preview", what="The abort", orders=orders)
    except RunFailedError as exc:
        if exc.exit_code != RolloutRestoredError.exit_code:
            raise
        # A rollback or a forward that was held has written down what did not come.
        note(stack, recorded(stack.outputs()))
        print(f"\nv{release} of {environment} is aborted, as asked. {exc.serves}.")
