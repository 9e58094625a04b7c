"""How a gate judges several machines side by side."""

from __future__ import annotations

import asyncio

import pytest
from flygate.rollout.gates.gate import each_machine
from flygate.rollout.machine.member import Member
from flygate.rollout.verdict import Verdict

MACHINES = [Member("v2-iad-1", "m1", "iad"), Member("v2-iad-2", "m2", "iad")]


async def test_all_machines_pass_together() -> None:
    """The verdict is about all of them, and none alone decided it."""

    async def ask(member: Member) -> Verdict:
        return Verdict("pass", "health", "checks pass")

    verdict = await each_machine(MACHINES, ask)

    assert verdict == Verdict("pass", "health", "v2-iad-1, v2-iad-2: checks pass")


async def test_the_first_that_is_no_pass_ends_the_others() -> None:
    """Nothing goes on in the background, and the verdict names the machine."""
    ended: list[str] = []

    async def ask(member: Member) -> Verdict:
        if member.id == "m2":
            return Verdict("fail", "health", "it crashed")
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(member.id)
        raise AssertionError

    verdict = await each_machine(MACHINES, ask)

    assert verdict == Verdict("fail", "health", "it crashed", machine="m2", name="v2-iad-2")
    assert ended == ["m1"]


async def test_an_error_comes_out_as_it_is() -> None:
    """The engine decides by its class, so it is not wrapped in a group."""

    async def ask(member: Member) -> Verdict:
        raise LookupError(member.id)

    with pytest.raises(LookupError, match="m1"):
        await each_machine(MACHINES, ask)


async def test_an_interruption_ends_all() -> None:
    """A second Ctrl-C leaves no question open."""
    ended: list[str] = []

    async def ask(member: Member) -> Verdict:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(member.id)
        raise AssertionError

    task = asyncio.create_task(each_machine(MACHINES, ask))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(ended) == ["m1", "m2"]
