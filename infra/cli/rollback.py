"""`flygate rollback`: an earlier release's image, config, env and secrets run again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer

from infra import history
from infra.cli.pin import deploy_with
from infra.cli.stack import Stack
from infra.cli.stack_name import StackName
from infra.config import Pin
from infra.fly.client import FlyClient
from infra.fly.endpoints import Endpoints
from infra.ops import recovery
from infra.provenance import actor, now
from infra.rollout.observe import State, observe


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(short_help="Take a release back, with all that is in it.")(rollback)


def rollback(
    environment: StackName,
    to: Annotated[
        str | None, typer.Option(help="The release to go back to; by default the one before.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; the ledger keeps it.")] = "",
    fast: Annotated[
        bool, typer.Option("--fast", help="If its machines have gone: all new ones at once.")
    ] = False,
    wait: Annotated[str, typer.Option(help='Wait for another rollout: "10m".')] = "",
) -> None:
    """Take a release back: image, machine config, env and secrets together.

    While the machines of that release are kept (`rollout.standby`), they are started again, which
    takes seconds. Later the rollback makes new ones, by the strategy that they came with.

    The rollback is itself a new release, made through Pulumi, whose state stays true. The stack
    is then pinned: `flygate forward` deploys the checkout again.

    \b
    Examples:
      flygate rollback local
      flygate rollback prod --to v7 --reason "checkout fails since v8"
      flygate rollback prod --fast

    Exit codes: 0 done, 2 failed and all as before, 3 another rollout is under way or this one is
    held, 4 failed and not restored.
    """
    stack = Stack(environment)
    releases = history.parse(stack.outputs().get("history"))
    serving = asyncio.run(_unrecorded(stack, releases)) if releases and to is None else 0
    # What serves and is not recorded is what is taken back: the newest recorded one comes again.
    target = releases[0] if serving else history.rollback_target(releases, to)
    current = f"v{serving}" if serving else releases[0].version
    print(f"rolling back {environment} from {current} to {target.version}", flush=True)
    pin = Pin(
        version=target.version,
        manifest=target.manifest,
        by=actor(),
        at=now(),
        reason=reason,
        fast=fast,
        redis=target.stores_in_redis,
    )
    deploy_with(stack, pin, "The rollback", wait)
    print(
        f"{environment} runs {target.version} again. It is pinned: `flygate forward {environment}` "
        "deploys the checkout again."
    )


async def _unrecorded(stack: Stack, releases: Sequence[history.Entry]) -> int:
    """The version that serves and is newer than all that the history has; 0 if there is none."""
    app = stack.config("app") or ""
    async with FlyClient(Endpoints.from_env(stack.environment)) as fly:
        state = await observe(fly, app) if await fly.app(app) else State(app)
    return recovery.unrecorded(state, int(releases[0].version[1:]))
