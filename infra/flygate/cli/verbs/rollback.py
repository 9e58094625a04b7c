"""`flygate rollback`: an earlier release's image, config, env and secrets run again."""

from __future__ import annotations

from typing import Annotated

import typer

from flygate.cli.arguments.stack_name import StackName
from flygate.cli.stack.pin import deploy_with, note
from flygate.cli.stack.stack import Stack
from flygate.commands.orders import BACK, NO_HOOKS, Back
from flygate.program.way_back import WayBackNote
from flygate.record.provenance import actor, now


def rollback(  # noqa: PLR0913, PLR0917 (each is an option of its own)
    environment: StackName,
    to: Annotated[
        str | None, typer.Option(help="The release to go back to; by default the one before.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; the ledger keeps it.")] = "",
    fast: Annotated[
        bool, typer.Option("--fast", help="If its machines have gone: all new ones at once.")
    ] = False,
    no_hooks: Annotated[
        bool, typer.Option("--no-hooks", help="Don't ask hooks/before-rollout; it is journaled.")
    ] = False,
    release_command: Annotated[
        bool, typer.Option("--release-command", help="Run that release's release command, too.")
    ] = False,
    wait: Annotated[str, typer.Option(help='Wait for another rollout: "10m".')] = "",
) -> None:
    """Take a release back: image, machine config, env and secrets together.

    While the machines of that release are kept (`rollout.standby`), they are started again, which
    takes seconds. Later the rollback makes new ones, by the strategy that they came with.

    A release command (a migration) is not run, unless you say --release-command. Volumes and what
    is on them stay as they are.

    The rollback is itself a new release, made through Pulumi, whose state stays true. The stack
    is then pinned, for all who deploy it: `flygate forward` deploys the checkout again.
    Typed again it changes nothing, and says how to go further back.

    \b
    Examples:
      flygate rollback local
      flygate rollback prod --to v7 --reason "checkout fails since v8"
      flygate rollback prod --fast
      flygate rollback prod --to v7 --release-command

    Exit codes: 0 done, 2 failed and all as before, 3 another rollout is under way or waits for a
    decision, or this one is held, 4 failed and not restored.
    """
    stack = Stack(environment)
    way = WayBackNote(stack.root, stack.config("app") or "")
    way.forget()
    order = Back(
        to=to, by=actor(), at=now(), reason=reason, fast=fast, release_command=release_command
    )
    orders = {BACK: order.model_dump_json(), **({NO_HOOKS: order.by} if no_hooks else {})}
    deploy_with(stack, orders, "The rollback", wait, lambda: _pin(stack, way))
    if (chosen := way.read()) and not chosen.changes:
        print(chosen.describe(environment))
    elif chosen:
        print(
            f"{environment} runs {chosen.release} again, and is pinned, for all who deploy it: "
            f"`flygate forward {environment}` deploys the checkout again."
        )


def _pin(stack: Stack, way: WayBackNote) -> None:
    """Write down what the program has chosen while the stack was locked."""
    if chosen := way.read():
        note(stack, chosen.pin)
