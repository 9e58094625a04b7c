"""`flygate redis`: the Redis of a stack; nothing else ever destroys one that is used."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated

import typer

from infra.cli.stack import Stack
from infra.cli.stack_name import StackName
from infra.errors import ConfigError, FlygateError
from infra.fly.client import FlyClient
from infra.fly.endpoints import Endpoints
from infra.fly.models import Machine
from infra.rollout.observe import ROLE_KEY, STANDBY

HELP = """The Redis where a stack keeps its limits.

A Redis that phase 3 made stays, and costs money, when the stack goes back to a phase without.

\b
Example:
  flygate redis destroy staging
"""

commands = typer.Typer(name="redis", help=HELP, no_args_is_help=True, rich_markup_mode=None)
# With one command only, typer would leave its name out.
commands.callback()(lambda: None)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.add_typer(commands, short_help="Destroy the Redis of a stack that needs none any more.")


@commands.command()
def destroy(
    environment: StackName,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask for its name.")] = False,
) -> None:
    """Destroy the Redis of a stack with all that is in it, for ever.

    It is refused while a machine that serves keeps its limits there.

    \b
    Example:
      flygate redis destroy staging

    Exit codes: 0 it is gone, 1 it was refused and is as before.
    """
    stack = Stack(environment)
    outputs = stack.outputs()
    name = outputs.get("redis")
    if not name:
        raise ConfigError(f"{environment} has no Redis that Flygate made; nothing was changed.")
    _check_unused(stack, outputs["app"], name)
    if not yes:
        _ask(name)
    asyncio.run(_delete(stack, name))
    _unprotect(stack)
    print(
        f"The Redis {name} is gone. The machines still know its URL: "
        f"`pulumi up --stack {environment}` takes it away."
    )


def _check_unused(stack: Stack, app: str, name: str) -> None:
    using = [m.name for m in asyncio.run(_machines(stack, app)) if _uses_redis(m)]
    if using:
        raise ConfigError(
            f"{', '.join(using)} of {app} keep their limits in the Redis {name}; nothing was "
            f"changed. First go back to a phase without it: `pulumi config set phase 2 --stack "
            f"{stack.name}`, then `pulumi up --stack {stack.name}`."
        )


def _uses_redis(machine: Machine) -> bool:
    if machine.config is None or machine.metadata.get(ROLE_KEY) == STANDBY:
        return False
    return machine.config.env.get("RATE_LIMIT_STORAGE") == "redis"


def _ask(name: str) -> None:
    """The name, typed: a yes is too quick."""
    prompt = f"This destroys the Redis {name} with all that is in it. Type its name to go on"
    try:
        typed = typer.prompt(prompt)
    except typer.Abort:
        typed = ""
    if typed != name:
        raise FlygateError("That is not its name; nothing was changed. `--yes` does not ask.")


async def _machines(stack: Stack, app: str) -> list[Machine]:
    async with FlyClient(Endpoints.from_env(stack.environment)) as fly:
        return await fly.machines(app) if await fly.app(app) else []


async def _delete(stack: Stack, name: str) -> None:
    async with FlyClient(Endpoints.from_env(stack.environment)) as fly:
        await fly.redis.delete(name)


def _unprotect(stack: Stack) -> None:
    """Let the next deployment forget it: Pulumi keeps what is protected, also if it is gone."""
    state = json.loads(stack.ask("stack", "export"))
    for resource in state["deployment"].get("resources", []):
        if "flygate:fly:Redis" in resource["urn"] and resource.get("protect"):
            stack.ask("state", "unprotect", resource["urn"], "--yes")
