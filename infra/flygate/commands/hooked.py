"""A rollout with the user's hooks and webhook around it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from flygate.commands.rollout import Rollout
from flygate.rollout.errors import HookRefusedError
from flygate.rollout.hooks.hooks import BEFORE, Hooks, Subject
from flygate.rollout.hooks.webhook import Webhook
from flygate.system.shielding import shielded


@asynccontextmanager
async def hooked(rollout: Rollout) -> AsyncIterator[None]:
    """Ask `hooks/before-rollout`, then tell the others of each event while the body runs.

    Raises:
        HookRefusedError: nothing was done.
    """
    world = rollout.world
    journal, target = world.journal, world.target
    subject = Subject(
        app=world.app,
        release=target.name,
        former=target.former_name if target.former else "",
        url=target.url,
        by=rollout.provenance.by,
        reason=rollout.wanted.reason or rollout.provenance.reason,
    )
    warnings: list[str] = []
    webhook = Webhook.from_env()
    hooks = Hooks(
        rollout.hooks, subject, journal.redact, webhook, warnings.append, named=rollout.hooks_env
    )
    if by := rollout.orders.no_hooks:
        journal.write("warning", "hooks", f"hooks/{BEFORE} is not asked: ordered by {by}")
    else:
        await _ask(hooks, rollout)
    journal.listen(hooks)
    try:
        yield
    finally:
        await shielded(asyncio.to_thread(hooks.close))
        if webhook and webhook.failed:
            warnings.append(f"the webhook did not take {webhook.failed} message(s)")
        for text in warnings:
            journal.write("warning", "hooks", text)


async def _ask(hooks: Hooks, rollout: Rollout) -> None:
    try:
        await hooks.before_rollout()
    except HookRefusedError as exc:
        # At night nobody is there who could mend it, and what serves is bad.
        is_back = rollout.wanted.rollback_of is not None
        more = " `flygate rollback` with --no-hooks does not ask it." if is_back else ""
        refusal = HookRefusedError(f"{exc}{more}")
        rollout.world.journal.write("refused", "hooks", str(refusal))
        raise refusal from None
