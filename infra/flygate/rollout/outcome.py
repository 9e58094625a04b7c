"""What became of a rollout, in words: the last lines that an operator reads."""

from __future__ import annotations

import asyncio
from typing import Final

from flygate.rollout.execution import Execution
from flygate.rollout.machine.log_tail import log_tail
from flygate.rollout.target import Target
from flygate.rollout.verdict import GateFailedError, Verdict

INTERRUPTED: Final = "interrupted"


async def explain(exc: BaseException, execution: Execution) -> str:
    """Return what failed, on which machine, with its last lines of log."""
    if isinstance(exc, asyncio.CancelledError):
        return INTERRUPTED
    if not isinstance(exc, GateFailedError):
        return str(exc) or type(exc).__name__
    text = of_gate(exc.verdict)
    lines = await _log_of(exc.verdict.machine, execution)
    if lines:
        text += "\n  its last lines of log:\n" + "\n".join(f"    {line}" for line in lines)
    return text


async def _log_of(machine_id: str, execution: Execution) -> list[str]:
    """Return the last lines of the machine that decided the verdict, if it was one."""
    if not machine_id:
        return []
    return await log_tail(execution.fly, execution.app, machine_id, execution.journal.redact)


def of_gate(verdict: Verdict) -> str:
    """`health check of v7-iad-1 (machine …): …`."""
    return f"{verdict.gate} check of {verdict.subject}: {verdict.reason}"


def of_command(execution: Execution) -> str:
    """Return a warning if the release command has run: nothing takes back what it did."""
    if not execution.command_has_run:
        return ""
    return "Its release command has run; what it changed, such as a migration, is not taken back."


def restored(target: Target, reason: str, after: str) -> str:
    """Return the text of a rollout that failed, where all is as before.

    Args:
        after: what serves, as it was seen.
    """
    return f"{target.name} was not released: {reason}\nAll was taken back. {after}"


def restore_failed(target: Target, reason: str, failures: str) -> str:
    """Return the text of a rollout that failed, as did the way back."""
    return (
        f"{target.name} was not released: {reason}\n"
        f"Taking it back did not bring back what was: {failures}\n"
        "Run the same command again: it begins by repairing what it finds. "
        "`flygate status` shows the machines."
    )


def held(execution: Execution, reason: str) -> str:
    """Return the text of a rollout that only an operator can decide on."""
    target, command = execution.target, of_command(execution)
    notes = _of_secrets(target) + (f"{command}\n" if command else "")
    return (
        f"{target.name} is not released yet: {reason}\n{notes}"
        f"It is held, and {target.former_name} and {target.name} serve side by side. "
        '`flygate proceed <stack> --reason "…"` accepts it as it is, `flygate abort <stack>` '
        "takes it back, `pulumi up` judges it once more."
    )


def _of_secrets(target: Target) -> str:
    """Return a warning if the secrets changed: on Fly they belong to the app, not to a release."""
    if target.secrets == target.former_secrets:
        return ""
    return (
        f"A machine of {target.former_name} that restarts meanwhile gets the secrets of "
        f"{target.name}.\n"
    )
