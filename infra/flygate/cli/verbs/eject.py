"""`flygate eject`: `fly deploy` goes on from what a stack runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from flygate.adoption import fly_toml_text, live_app
from flygate.adoption.marks import unmarks
from flygate.cli.arguments.stack_name import StackName
from flygate.cli.stack.stack import Stack
from flygate.fly.client import FlyClient
from flygate.fly.endpoints import Endpoints
from flygate.flytoml import toml_reader
from flygate.manifest import Manifest
from flygate.pulumi.checkpoint import Checkpoint
from flygate.record.stack_record import StackRecord
from flygate.rollout.state import LIVE, STANDBY, State, observe
from flygate.system.errors import ConfigError


def eject(
    environment: StackName,
    output: Annotated[
        str, typer.Option(help="The file to write; by default fly.<stack>.toml.")
    ] = "",
    force: Annotated[bool, typer.Option("--force", help="Overwrite that file.")] = False,
    unmark: Annotated[
        bool, typer.Option("--unmark", help="Take Flygate's metadata off the machines, too.")
    ] = False,
) -> None:
    """Write the fly.toml with which `fly deploy` goes on from the release that runs.

    It has the machines of the release as they are: environment, sizes, services, checks, process
    groups, mounts, release command. Nothing at Fly is changed, but with --unmark: then the machines
    lose the metadata by which Flygate knows them, and the stack can be forgotten.

    \b
    Examples:
      flygate eject prod
      flygate eject prod --output deploy/fly.toml --unmark

    Exit codes: 0 it is written, 1 it was refused and nothing was changed.
    """
    stack = Stack(environment)
    target = Path(output) if output else stack.root / f"fly.{environment}.toml"
    if target.exists() and not force:
        raise ConfigError(f"{target} is there. Nothing was changed. `--force` overwrites it.")
    manifest = _manifest(stack)
    state = asyncio.run(_observed(stack, manifest.app))
    if left := [m.label for m in state.machines if m.role not in {LIVE, STANDBY}]:
        raise ConfigError(
            f"A rollout is not finished ({', '.join(left)}). Nothing was changed. `pulumi up "
            f"--stack {environment}` goes on with it, `flygate abort {environment}` takes it back."
        )
    content = fly_toml_text.text(manifest)
    toml_reader.parse(content.encode())
    target.write_text(content, encoding="utf-8")
    if unmark:
        asyncio.run(_unmark(stack, manifest.app))
    print("\n".join(_next(stack, target, manifest, state, is_unmarked=unmark)))


def _manifest(stack: Stack) -> Manifest:
    """Return the manifest of the release that runs.

    Raises:
        ConfigError: the stack has released nothing.
    """
    document = stack.ask("stack", "export", "--show-secrets")
    ledger = StackRecord.of(Checkpoint.exported(document)).ledger
    if ledger.current is None:
        raise ConfigError(
            f"Nothing was released to {stack.name} yet, so there is nothing to write. What was "
            f"adopted only is given back by `flygate adopt {stack.name} --undo`."
        )
    return ledger.current.manifest


async def _observed(stack: Stack, app: str) -> State:
    async with FlyClient(Endpoints.from_env(stack.environment)) as fly:
        return await observe(fly, app)


async def _unmark(stack: Stack, app: str) -> None:
    async with FlyClient(Endpoints.from_env(stack.environment)) as fly:
        for machine in (await live_app.look(fly, app)).machines:
            await fly.patch_metadata(app, machine.id, unmarks(machine))


def _next(
    stack: Stack, target: Path, manifest: Manifest, state: State, *, is_unmarked: bool
) -> Iterator[str]:
    """Say what was written, and what follows."""
    name = target.relative_to(stack.root) if target.is_relative_to(stack.root) else target
    yield f"{name} is written. What follows:"
    for machine in state.machines:
        if machine.role == STANDBY:
            yield f"  fly machine destroy {machine.id} --app {manifest.app}   (a standby)"
    yield f"  fly deploy --config {name} --image {manifest.image}"
    if is_unmarked:
        yield (
            f"  pulumi stack rm {stack.name} --force --preserve-config   forgets the stack; the "
            "app stays, which `pulumi destroy` would end"
        )
    else:
        yield f"  flygate eject {stack.name} --force --unmark   once that has worked"
    yield (
        "`fly deploy` changes machines in place by its own strategy, keeps how many there are, and "
        "knows no judge, no standby and no rollback. The limiter's settings stay in [env]."
    )
