"""`flygate move`: a stack goes to another app, with its history, and leaves the former one."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from flygate.cli.arguments.stack_name import StackName
from flygate.cli.stack.stack import Stack
from flygate.commands.orders import MOVE, WAIT
from flygate.config.redis import default_name
from flygate.fly.client import FlyClient
from flygate.fly.endpoints import Endpoints
from flygate.fly.owner import Owner, is_same
from flygate.pulumi.checkpoint import Checkpoint
from flygate.record.stack_record import StackRecord
from flygate.rollout.state import State, observe
from flygate.system.errors import ConfigError, FlygateError, OwnerError


def move(
    environment: StackName,
    app: Annotated[str, typer.Option(help="The new app's name.")],
    org: Annotated[str, typer.Option(help="Its organisation; by default as before.")] = "",
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the former app as it is, running and billed.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    wait: Annotated[str, typer.Option(help='Wait for another rollout: "10m".')] = "",
) -> None:
    """Move a stack to another app: it is made, the release goes there, then the former one goes.

    The history stays, and a rollback to a release of before the move runs on the new app. The
    address changes; certificates and what a Redis of the former app has stay behind. An app with
    volumes is not moved.

    \b
    Examples:
      flygate move staging --app shop-staging
      flygate move prod --app shop --org acme --keep

    Exit codes: 0 done, 1 nothing was changed, else as those of `flygate rollback`.
    """
    stack = Stack(environment)
    former = stack.config("app") or ""
    _check(stack, former, app)
    asyncio.run(_check_volumes(stack, former))
    was_there = asyncio.run(_look(stack, app)) is not None
    if not yes:
        goes = "stays as it is" if keep else "is destroyed at the end, with all that is in it"
        question = f"{environment} moves from {former} to {app}; {former} {goes}. Go on?"
        typer.confirm(question, abort=True)
    changes = {"app": app, **({"org": org} if org else {})}
    _release(stack, former, changes, wait, was_there=was_there)
    if keep:
        print(f"{environment} runs on {app}. {former} goes on running, and is billed.")
        return
    print(f"{environment} runs on {app}. Destroying {former} …", flush=True)
    print(asyncio.run(_leave(stack, former)))


def _check(stack: Stack, former: str, new: str) -> None:
    """Refuse before anything is changed.

    Raises:
        FlygateError: there is nothing to move, or the new app is in use.
    """
    recorded = StackRecord.of(Checkpoint.exported(stack.ask("stack", "export", "--show-secrets")))
    if not recorded.ledger.releases:
        raise ConfigError(
            f"Nothing was released to {stack.name} yet, so nothing moves. Nothing was changed. "
            f"Set the name: `pulumi config set app {new} --stack {stack.name}`."
        )
    if new == former:
        raise ConfigError(f"{stack.name} is on {former} already. Nothing was changed.")
    if recorded.app != former:
        raise OwnerError(
            f"flygate:app is {former}, and {stack.name} releases to {recorded.app}. Nothing was "
            f"changed. Set it back first: `pulumi config set app {recorded.app} --stack "
            f"{stack.name}`."
        )
    state = asyncio.run(_look(stack, new))
    if state and state.machines:
        raise OwnerError(
            f"The app {new} has machines of {state.owner or 'a release'} already. Nothing was "
            "changed. Choose a name that is free."
        )


async def _check_volumes(stack: Stack, former: str) -> None:
    """Refuse to leave an app that has data on disks: a volume can't change its app.

    Raises:
        ConfigError: it has volumes; each is named.
    """
    async with FlyClient(Endpoints.from_env(stack.environment)) as fly:
        volumes = await fly.volumes.list(former) if await fly.app(former) else []
    if not volumes:
        return
    named = ", ".join(volume.label for volume in volumes)
    raise ConfigError(
        f"{former} has volumes, and what is on them does not move to another app: {named}. Nothing "
        "was changed. To move, make a new stack for the new app, copy the data there yourself, "
        f"then `flygate destroy {stack.name} --volumes`."
    )


def _release(
    stack: Stack, former: str, changes: dict[str, str], wait: str, *, was_there: bool
) -> None:
    """Deploy to the new app; a failure leaves the configuration and the former app as they were."""
    before = {key: stack.config(key) for key in changes}
    orders = {MOVE: former, **({WAIT: wait} if wait else {})}
    stack.configure(changes)
    try:
        stack.run("up", "--yes", "--skip-preview", what="The move", orders=orders)
    except (FlygateError, KeyboardInterrupt):
        stack.configure(before)
        if not was_there:
            asyncio.run(_remove(stack, changes["app"]))
        print(f"{former} serves as before, and {stack.name} is as before.", flush=True)
        raise


async def _look(stack: Stack, app: str) -> State | None:
    """What an app runs; None if there is no such app."""
    async with FlyClient(Endpoints.from_env(stack.environment)) as fly:
        return await observe(fly, app) if await fly.app(app) else None


async def _remove(stack: Stack, app: str) -> None:
    """The new app of a move that failed: nothing serves there."""
    async with FlyClient(Endpoints.from_env(stack.environment)) as fly:
        if await fly.app(app) and not (await observe(fly, app)).machines:
            await fly.delete_app(app)


async def _leave(stack: Stack, former: str) -> str:
    """Destroy the former app and the Redis that was made for it; what became of them."""
    checkpoint = Checkpoint.exported(stack.ask("stack", "export", "--show-secrets"))
    ours = StackRecord.of(checkpoint).owner
    async with FlyClient(Endpoints.from_env(stack.environment)) as fly:
        state = await observe(fly, former)
        theirs = Owner.parse(state.owner)
        if ours and theirs and ours.id != theirs.id:
            return f"{former} stays: it belongs to the stack {theirs.names} now."
        await fly.delete_app(former)
        redis = await fly.redis.find(default_name(former))
        if redis is None or (ours and not is_same(redis.owner, str(ours))):
            return f"{former} is gone."
        await fly.redis.delete(redis.name)
        return f"{former} and its Redis {redis.name} are gone."
