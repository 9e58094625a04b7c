"""What reports a run: its journal, the user's hooks and webhook, and Fly's release record.

The journal and its listeners stand around a whole run. Hooks, webhook and record stand around
a rollout, as they are about a release.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from flygate.commands.intent import Intent
from flygate.commands.workspace import Workspace, journal_path
from flygate.fly import retries
from flygate.fly.errors import FlyError
from flygate.fly.owner import is_same
from flygate.record.journal import Journal
from flygate.redaction.redact import Redactor
from flygate.rollout.errors import HookRefusedError, RolloutHeldError
from flygate.rollout.execution import Execution
from flygate.rollout.hooks.hooks import BEFORE, Hooks, Subject
from flygate.rollout.hooks.webhook import Webhook
from flygate.rollout.steps.record import SECONDS_MAX
from flygate.system.shielding import shielded


@contextmanager
def journaled(intent: Intent, release: str, owner: str, workspace: Workspace) -> Iterator[Journal]:
    """Keep a journal of the run, with what was recovered and which calls were repeated.

    Args:
        release: the name of the release that the first events belong to.
        owner: the label of the stack that the app belongs to now.
    """
    target, ledger = intent.target, intent.ledger
    redact = Redactor([*target.secrets.values(), target.key, *ledger.all_values])
    path = journal_path(workspace.root, intent.request.app)
    journal = Journal(path, release, redact, workspace.listeners)
    with retries.reported_to(lambda text: journal.write("warning", "fly", text)):
        for line in intent.notices:
            journal.write("warning", "ledger", line)
        if not is_same(owner, target.owner):
            by = intent.provenance.by
            text = f"by {by}: {target.owner} takes the app over from {owner}"
            journal.write("accepted", "owner", text)
        yield journal


@asynccontextmanager
async def announced(
    intent: Intent, execution: Execution, workspace: Workspace
) -> AsyncIterator[None]:
    """Ask `hooks/before-rollout`; report the events of the body to hooks, webhook and Fly.

    Raises:
        HookRefusedError: nothing was done.
    """
    async with _hooked(intent, execution, workspace), _recorded(execution):
        yield


@asynccontextmanager
async def _hooked(
    intent: Intent, execution: Execution, workspace: Workspace
) -> AsyncIterator[None]:
    journal, webhook = execution.journal, Webhook.from_env()
    warnings: list[str] = []
    hooks = Hooks(
        workspace.root / "hooks",
        _subject(intent, execution),
        journal.redact,
        webhook,
        warnings.append,
        named=intent.request.hooks_env,
    )
    if by := intent.orders.no_hooks:
        journal.write("warning", "hooks", f"hooks/{BEFORE} is not asked: ordered by {by}")
    else:
        await _ask(hooks, intent, journal)
    journal.listen(hooks)
    try:
        yield
    finally:
        await shielded(asyncio.to_thread(hooks.close))
        if webhook and webhook.failed:
            warnings.append(f"the webhook did not take {webhook.failed} message(s)")
        for text in warnings:
            journal.write("warning", "hooks", text)


def _subject(intent: Intent, execution: Execution) -> Subject:
    target = execution.target
    return Subject(
        app=execution.app,
        release=target.name,
        former=target.former_name if target.former else "",
        url=target.url,
        by=intent.provenance.by,
        reason=intent.reason,
    )


async def _ask(hooks: Hooks, intent: Intent, journal: Journal) -> None:
    try:
        await hooks.before_rollout()
    except HookRefusedError as exc:
        # In an emergency the author of the hook may not be at hand, and what serves is bad.
        is_back = intent.desired.pin is not None
        more = " `flygate rollback` with --no-hooks does not ask it." if is_back else ""
        refusal = HookRefusedError(f"{exc}{more}")
        journal.write("refused", "hooks", str(refusal))
        raise refusal from None


@asynccontextmanager
async def _recorded(execution: Execution) -> AsyncIterator[None]:
    """Close the release record that the body opens at Fly.

    A rollout that goes on after it was held opens a record of its own.
    """
    try:
        yield
    except BaseException as exc:
        reason = execution.journal.redact(str(exc)).partition("\n")[0]
        status = "interrupted" if isinstance(exc, RolloutHeldError) else "failed"
        await shielded(_close(execution, status, reason))
        raise
    await shielded(_close(execution, "complete"))


async def _close(execution: Execution, status: str, reason: str = "") -> None:
    if execution.record is None:
        return
    try:
        await asyncio.wait_for(
            execution.fly.records.end(execution.record, status, reason), SECONDS_MAX
        )
    except (FlyError, TimeoutError) as exc:
        text = f"`fly releases` is not up to date: {str(exc) or type(exc).__name__}"
        execution.journal.write("warning", "record", text)
