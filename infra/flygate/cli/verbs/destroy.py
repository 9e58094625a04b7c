"""`flygate destroy`: a stack goes, with its app, its machines and its Redis."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import typer

from flygate.cli.arguments.stack_name import StackName
from flygate.cli.stack.stack import Stack
from flygate.commands.orders import VOLUMES
from flygate.fly.client import FlyClient
from flygate.fly.endpoints import Endpoints
from flygate.fly.models import Machine, Volume
from flygate.system.errors import ConfigError, FlygateError


@dataclass(frozen=True, slots=True)
class Doomed:
    """What goes.

    Attributes:
        is_there: Fly has the app.
    """

    app: str
    is_there: bool
    machines: tuple[Machine, ...] = ()
    volumes: tuple[Volume, ...] = ()

    def lines(self) -> Iterator[str]:
        """Describe it, a line each."""
        if not self.is_there:
            yield f"There is no app {self.app} on Fly; Pulumi forgets the stack's resources."
            return
        yield f"This destroys the app {self.app}, its {len(self.machines)} machine(s), its"
        yield "addresses and secrets, the stack's Redis if Flygate made it, and its history."
        for volume in self.volumes:
            has_it = volume.attached_machine_id or "no machine"
            yield f"  volume {volume.label} of {has_it}, with all that is on it"


def destroy(
    environment: StackName,
    volumes: Annotated[
        bool, typer.Option("--volumes", help="The app's volumes too, with what is on them.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask for the app's name.")] = False,
) -> None:
    """Destroy all of a stack at Fly, for ever. Its configuration and its file stay.

    An app with volumes is refused unless you say --volumes; `pulumi destroy` refuses it always.
    Fly keeps a volume's snapshots for some days: `fly volumes snapshots list <volume>`. A protected
    stack is refused: first `pulumi config set protect false`, and `pulumi up`.

    \b
    Examples:
      flygate destroy staging
      flygate destroy staging --volumes

    Exit codes: 0 it is gone, 1 it was refused or failed, 3 the stack is being changed.
    """
    stack = Stack(environment)
    doomed = asyncio.run(_look(stack))
    if doomed.volumes and not volumes:
        raise ConfigError(
            "\n".join(
                [
                    *doomed.lines(),
                    "Nothing was destroyed, as the app has volumes. To destroy them, too: "
                    f"`flygate destroy {environment} --volumes`.",
                ]
            )
        )
    _confirm(doomed, yes=yes)
    orders = {VOLUMES: doomed.app} if volumes else None
    stack.run("destroy", "--yes", "--skip-preview", what="The destroy", orders=orders)
    print(
        f"{environment} is destroyed. `pulumi up --stack {environment}` makes it anew; `pulumi "
        f"stack rm {environment}` forgets it."
    )


async def _look(stack: Stack) -> Doomed:
    app = stack.config("app") or ""
    async with FlyClient(Endpoints.from_env(stack.environment)) as fly:
        if not app or await fly.app(app) is None:
            return Doomed(app, is_there=False)
        machines, volumes = await asyncio.gather(fly.machines(app), fly.volumes.list(app))
        return Doomed(app, is_there=True, machines=tuple(machines), volumes=tuple(volumes))


def _confirm(doomed: Doomed, *, yes: bool) -> None:
    """Ask for the app's name: a yes is typed too quickly."""
    print("\n".join(doomed.lines()), file=sys.stderr, flush=True)
    if yes:
        return
    try:
        typed = typer.prompt(f"Type {doomed.app} to go on", err=True)
    except typer.Abort:
        typed = ""
    if typed != doomed.app:
        raise FlygateError("That is not its name; nothing was destroyed. `--yes` does not ask.")
