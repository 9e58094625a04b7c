"""`flygate up`: from a checkout to a service that limits, on the local Fly or any other stack."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from flygate.cli.arguments.stack_name import StackName
from flygate.cli.output import screen
from flygate.cli.output.stopwatch import Stopwatch
from flygate.cli.stack import local as local_stack
from flygate.cli.stack import tour
from flygate.cli.stack.stack import Stack
from flygate.commands.orders import WAIT
from flygate.system import private
from flygate.system.errors import FlygateError


def up(
    environment: StackName = "local",
    quiet: Annotated[bool, typer.Option(help="No tour of the service at the end.")] = False,
    wait: Annotated[str, typer.Option(help='Wait for another rollout: "10m".')] = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="The rollout's events for scripts, one a line.")
    ] = False,
) -> None:
    """Bring a stack up: for `local` the local Fly, the stack, the deployment, and a short tour.

    \b
    Examples:
      flygate up                 all of it on this machine
      flygate up staging         the same as `pulumi up --yes --stack staging`
      flygate up staging --json  its events on standard output, all else on standard error

    Exit codes: as those of `flygate rollback`.
    """
    stack = Stack(environment, events=screen.claim_output() if as_json else None)
    private.tighten(stack.root / private.HOME)
    watch = Stopwatch(stack.root / ".flygate" / "timings.jsonl", f"up {environment}")
    if stack.is_local:
        with watch.phase("local Fly"):
            _start_local_fly(stack.root)
        with watch.phase("stack"):
            local_stack.prepare(stack)
    with watch.phase("pulumi up"):
        stack.run("up", "--yes", what="The deployment", orders={WAIT: wait} if wait else None)
    if stack.is_local and not (quiet or as_json):
        with watch.phase("tour"):
            tour.show(stack)
    print(f"\n{watch.summary()}")


def _start_local_fly(root: Path) -> None:
    """Start it if it is down; it notes where it is, and its token, for `.flygate/env` to find."""
    command = [sys.executable, "-P", "-m", "flygate.cli", "local", "up"]
    if subprocess.run(command, cwd=root, check=False).returncode != 0:
        raise FlygateError("The local Fly did not start; it says why above.")
