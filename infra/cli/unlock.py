"""`flygate unlock`: end Pulumi's lock of a process that died."""

from __future__ import annotations

import typer

from infra import pulumi_lock
from infra.cli.stack import Stack
from infra.cli.stack_name import StackName
from infra.rollout.errors import LockHeld


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(short_help="End the lock of a Pulumi that died.")(unlock)


def unlock(
    environment: StackName,
) -> None:
    """End Pulumi's lock of a stack, if the process that took it is surely dead.

    That of a living process, or of one on another computer, is left alone. The rollout's own
    locks need no help: they end with their process, or within seconds.

    \b
    Example:
      flygate unlock local

    Exit codes: 0 there is no lock (any more), 3 its holder lives, or may.
    """
    stack = Stack(environment)
    found = pulumi_lock.find(stack.environment, environment)
    if found is None:
        print(f"Nothing that can be seen from here locks {environment}.")
    elif found.is_dead:
        found.path.unlink(missing_ok=True)
        print(f"{found} is dead; its lock has ended. Run the interrupted command again.")
    else:
        where = "lives" if found.is_local else "is on another computer, so it may live"
        raise LockHeld(
            f"{found} {where}: its lock stays. If you are sure that it is dead: "
            f"pulumi cancel --yes --stack {environment}"
        )
