"""A rollout whose leases are kept: what becomes of it when one is lost, and when it ends itself."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from flygate.fly.leases import Leases
from flygate.record.journal import Journal
from flygate.redaction.redact import Redactor
from flygate.rollout.errors import LeaseLostError
from flygate.rollout.lock import heartbeat
from flygate.rollout.lock.heartbeat import Heartbeat


class PaperFly:
    """A Fly with one lease, which a test can lose.

    Attributes:
        guard: what every change is fenced by.
    """

    def __init__(self) -> None:
        self.leases = Leases()
        self.leases["m1"] = "nonce"
        self.guard: Any = None

    def guard_changes(self, guard: Any) -> None:
        self.guard = guard


class LosingHeartbeat(Heartbeat):
    """Its only lease is lost at the first beat."""

    async def _renew(self, machine_id: str) -> None:
        self._lose(machine_id, ", and is now of bob")
        raise LeaseLostError(self.lost)


class SteadyHeartbeat(Heartbeat):
    """Its lease is renewed."""

    async def _renew(self, machine_id: str) -> None:
        return


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "HEARTBEAT_SECONDS", 0.01)


@pytest.fixture
def fly() -> PaperFly:
    """A Fly of its own for each test."""
    return PaperFly()


def beat(kind: type[Heartbeat], fly: Any, folder: Path) -> Heartbeat:
    """A heartbeat whose journal is in a folder."""
    return kind(fly, "shop", "v2", Journal(folder / "journal.jsonl", "v2", Redactor()))


async def test_a_body_that_waits_is_ended_by_a_lost_lease(fly: PaperFly, tmp_path: Path) -> None:
    """It comes out as the error of the lease, and the task is no longer cancelled."""
    with pytest.raises(LeaseLostError, match="is now of bob"):
        async with beat(LosingHeartbeat, fly, tmp_path).beating():
            await asyncio.Event().wait()

    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    assert fly.guard is None


async def test_a_body_that_has_ended_is_not_undone_by_a_lost_lease(
    fly: PaperFly, tmp_path: Path
) -> None:
    """What came to its end stands, whatever became of the lease meanwhile."""
    kept = beat(LosingHeartbeat, fly, tmp_path)
    async with kept.beating():
        kept._lose("m1", "")


async def test_an_error_of_the_body_comes_out_as_it_is(fly: PaperFly, tmp_path: Path) -> None:
    """Its class is the exit code, so it is not wrapped in a group."""

    async def body() -> None:
        async with beat(SteadyHeartbeat, fly, tmp_path).beating():
            assert fly.guard is not None
            raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        await body()
    assert fly.guard is None


async def test_an_interruption_of_the_body_stays_one(fly: PaperFly, tmp_path: Path) -> None:
    """Ctrl-C ends the body and the beats."""

    async def body() -> None:
        async with beat(SteadyHeartbeat, fly, tmp_path).beating():
            await asyncio.Event().wait()

    task = asyncio.create_task(body())
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(asyncio.all_tasks()) == 1
