"""`flygate adopt`: an app that `fly deploy` made becomes a stack's."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from flygate.adoption import adoption, live_app, shape
from flygate.adoption.adoption import Adoption
from flygate.adoption.live_app import LiveApp
from flygate.adoption.marks import marks, unmarks
from flygate.cli.arguments.stack_name import StackName
from flygate.cli.stack import local as local_stack
from flygate.cli.stack.stack import Stack
from flygate.doctor.facts import Facts
from flygate.fly.client import FlyClient
from flygate.fly.endpoints import Endpoints
from flygate.flytoml import FlyToml
from flygate.manifest import Manifest
from flygate.program.desired_stack import DesiredStack
from flygate.redaction.redact import Redactor
from flygate.system.errors import ConfigError, FlygateError


@dataclass(frozen=True, slots=True)
class Found:
    """What was found, and what would be done.

    Attributes:
        desired: the manifest of the stack, with the settings of the adoption.
        changes: what its first release changes, a line each.
        problems: what must be mended first.
    """

    live: LiveApp
    adoption: Adoption
    desired: Manifest
    changes: list[str]
    problems: list[str]

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "app": self.live.app,
            "machines": [machine.id for machine in self.live.adoptable],
            "settings": dict(self.adoption.settings),
            "stays": list(self.adoption.stays),
            "changes": self.changes,
            "left": list(self.adoption.left),
            "problems": self.problems,
        }


def adopt(
    environment: StackName,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts; asks for --yes.")] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Take the marks off again, before the first release.")
    ] = False,
) -> None:
    """Take over an app that `fly deploy` made: what runs becomes release v1 of the stack.

    It reads this folder's fly.toml and the live app, and says what stays, what the stack's first
    release will change, and what must be mended before. Then it sets the stack's configuration so
    that nothing shrinks, and marks the machines. None of them is restarted. The next `pulumi up`
    replaces them, without a failed request, and `flygate rollback` brings them back.

    The stack's file names the app: make it first with `flygate init`. Run again it goes on where it
    was interrupted.

    \b
    Examples:
      flygate init prod --app shop --org acme
      flygate adopt prod --dry-run
      flygate adopt prod
      flygate adopt prod --undo

    Exit codes: 0 it is adopted, 1 it was refused and nothing was changed.
    """
    stack = Stack(environment)
    if stack.is_local:
        local_stack.prepare(stack)
    if undo:
        print(asyncio.run(_undo(stack)))
        return
    found = asyncio.run(_look(stack))
    if as_json:
        print(json.dumps(found.document(), indent=2))
    else:
        _show(found)
    if found.problems:
        raise FlygateError("Nothing was changed. Mend what must be mended, and run this again.")
    if dry_run:
        return
    if not yes and (as_json or not _is_confirmed(environment)):
        raise FlygateError("Nothing was changed. `--yes` does not ask.")
    stack.configure(found.adoption.settings)
    asyncio.run(_mark(stack, found))
    if not as_json:
        print(
            f"\n{found.live.app} is release v1 of {environment}. What follows:\n"
            f"  flygate plan {environment}\n  pulumi up --stack {environment}"
        )


async def _look(stack: Stack) -> Found:
    async with Facts(stack) as facts:
        raw, secrets, configured = await asyncio.gather(
            facts.settings(), facts.secrets(), facts.config()
        )
        fly = await facts.fly()
        if await fly.app(configured.app) is None:
            raise ConfigError(
                f"There is no app {configured.app} on Fly that this token sees. Nothing was "
                f"changed. Name the right one: `pulumi config set app <name> --stack {stack.name}`."
            )
        live = await live_app.look(fly, configured.app)
    file = FlyToml.read(stack.root / "fly.toml")
    planned = adoption.plan(live, file, configured, set(secrets))
    settings = {**raw, **_texts(planned.settings)}
    desired = DesiredStack.read(settings, is_redis_secret=True, root=stack.root).manifest
    if desired is None:
        raise ConfigError(f"The stack {stack.name} is pinned, so it releases nothing new.")
    # Another tool may have put a secret of the stack into a machine's environment.
    redact = Redactor(stack.secret_texts())
    found = [*shape.sizes(live, desired), *adoption.changes(live, desired)]
    changes = [redact(line) for line in found]
    problems = [*planned.problems, *shape.losses(live, desired, file)]
    return Found(live, planned, desired, changes, problems)


async def _undo(stack: Stack) -> str:
    """Take the marks off what was adopted, and say so.

    Raises:
        ConfigError: releases followed.
    """
    async with Facts(stack) as facts:
        app = (await facts.config()).app
        live = await live_app.look(await facts.fly(), app)
    if any(machine.is_flygate_s for machine in live.machines):
        raise ConfigError(
            f"Releases of {stack.name} followed the adoption of {app}. Nothing was changed. "
            f"`flygate eject {stack.name}` is the way out now."
        )
    marked = [(machine, notes) for machine in live.machines if (notes := unmarks(machine))]
    async with FlyClient(Endpoints.from_env(stack.environment)) as fly:
        for machine, notes in marked:
            await fly.patch_metadata(app, machine.id, notes)
    if not marked:
        return f"No machine of {app} is marked, so nothing was changed."
    return (
        f"The marks are off {len(marked)} machines of {app}; they were not restarted. What was set "
        f"in Pulumi.{stack.name}.yaml stays."
    )


def _texts(settings: Mapping[str, Any]) -> dict[str, str]:
    return {key: one if isinstance(one, str) else json.dumps(one) for key, one in settings.items()}


def _show(found: Found) -> None:
    settings = [f"{key}: {json.dumps(one)}" for key, one in found.adoption.settings.items()]
    parts = {
        "Stays": found.adoption.stays,
        "Set in the stack's configuration, so that nothing shrinks": settings,
        "Changes with the first release": found.changes,
        "Is left alone": found.adoption.left,
        "Must be mended first": found.problems,
    }
    for title, lines in parts.items():
        if lines:
            print(f"{title}:")
            for line in lines:
                print(f"  {line}")


def _is_confirmed(environment: str) -> bool:
    if not sys.stdin.isatty():
        return False
    try:
        return typer.confirm(f"\nMake it release v1 of {environment}?", default=False)
    except typer.Abort:
        return False


async def _mark(stack: Stack, found: Found) -> None:
    async with FlyClient(Endpoints.from_env(stack.environment)) as fly:
        for machine, notes in marks(found.live, found.desired):
            await fly.patch_metadata(found.live.app, machine.id, notes)
