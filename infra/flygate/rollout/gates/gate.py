"""What every gate can do, and how a gate judges several machines side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Protocol

from flygate.rollout.execution import Execution
from flygate.rollout.machine.member import Member
from flygate.rollout.verdict import Verdict


class Gate(Protocol):
    """A question about the new machines of a stage."""

    @property
    def name(self) -> str:
        """For the journal."""
        ...

    @property
    def seconds(self) -> float:
        """Return how long it watches, at least; 0 if it answers when it knows."""
        ...

    async def judge(self, execution: Execution, machines: Sequence[Member]) -> Verdict:
        """Answer the question; never raise for what the machines do."""
        ...


async def each_machine(
    machines: Sequence[Member], ask: Callable[[Member], Awaitable[Verdict]]
) -> Verdict:
    """Ask about all side by side: the first that is no pass ends the others, and is the answer."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_passes(member, ask)) for member in machines]
    except BaseExceptionGroup as exc:
        first = exc.exceptions[0]
        if isinstance(first, _NotPassedError):
            return first.verdict
        raise first from None
    names = ", ".join(member.name for member in machines)
    verdict = tasks[-1].result()
    return replace(verdict, reason=f"{names}: {verdict.reason}", machine="", name="")


class _NotPassedError(Exception):
    """Ends the task group with a machine's verdict."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.reason)
        self.verdict = verdict


async def _passes(member: Member, ask: Callable[[Member], Awaitable[Verdict]]) -> Verdict:
    verdict = replace(await ask(member), machine=member.id, name=member.name)
    if not verdict.passed:
        raise _NotPassedError(verdict)
    return verdict
