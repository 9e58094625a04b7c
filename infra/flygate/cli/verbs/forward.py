"""`flygate forward`: end a pin, and deploy the checkout again."""

from __future__ import annotations

from typing import Annotated

import typer

from flygate.cli.arguments.stack_name import StackName
from flygate.cli.stack.pin import deploy_with, note, pin_of
from flygate.cli.stack.stack import Stack
from flygate.commands.orders import FORWARD


def forward(
    environment: StackName,
    wait: Annotated[str, typer.Option(help='Wait for another rollout: "10m".')] = "",
) -> None:
    """End the pin that a rollback set, for all who deploy the stack, and deploy the checkout.

    \b
    Example:
      flygate forward local

    Exit codes: as those of `flygate rollback`.
    """
    stack = Stack(environment)
    if pin_of(stack) is None:
        print(
            f"{environment} is not pinned; `pulumi up --stack {environment}` deploys the checkout."
        )
        return
    deploy_with(stack, {FORWARD: "1"}, "The deployment", wait, lambda: note(stack, None))
    print(f"{environment} runs the checkout again, as {stack.outputs()['release']}.")
