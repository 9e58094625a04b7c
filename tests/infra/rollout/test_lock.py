"""One rollout at a time: the leases of a real Fly, taken, kept alive, given back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from infra.fly.client import FlyClient
from infra.fly.endpoints import Endpoints
from infra.fly.errors import Conflict
from infra.redact import Redactor
from infra.rollout import journal as journal_file
from infra.rollout import lock
from infra.rollout.errors import LockHeld
from infra.rollout.journal import Journal
from tests.infra.deployment import APP, Deployment

pytestmark = pytest.mark.integration


@pytest.fixture
async def machines(shop: Deployment) -> list[str]:
    """Two machines."""
    return [await shop.machine("first"), await shop.machine("second")]


@pytest.fixture
async def other(endpoints: Endpoints) -> AsyncIterator[FlyClient]:
    """Somebody else who deploys."""
    async with FlyClient(endpoints) as client:
        yield client


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """A journal of its own."""
    return Journal(tmp_path / "lock.jsonl", "v2", Redactor())


async def test_the_body_runs_with_all_machines_held(
    shop: Deployment, machines: list[str], journal: Journal
) -> None:
    """With a description that others can read; afterwards nothing is held."""
    async with lock.hold(shop.fly, APP, machines, "v2 by ann", journal):
        leases = [await shop.fly.lease(APP, machine_id) for machine_id in machines]
        assert [lease and lease.description for lease in leases] == ["v2 by ann"] * 2

    assert [await shop.fly.lease(APP, machine_id) for machine_id in machines] == [None, None]


async def test_a_body_that_fails_gives_the_leases_back(
    shop: Deployment, machines: list[str], journal: Journal
) -> None:
    """The next rollout need not wait."""
    with pytest.raises(RuntimeError):
        async with lock.hold(shop.fly, APP, machines, "v2 by ann", journal):
            raise RuntimeError

    assert await shop.fly.lease(APP, machines[0]) is None


async def test_who_comes_second_is_told_who_is_first(
    shop: Deployment,
    machines: list[str],
    other: FlyClient,
    journal: Journal,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After some patience; what was taken so far is given back, and the refusal is on record."""
    monkeypatch.setattr(lock, "PATIENCE_SECONDS", 0.0)
    await other.acquire_lease(APP, machines[1], 60, "flygate v2 by bob@ci: hotfix")

    with pytest.raises(LockHeld, match=r"flygate v2 by bob@ci: hotfix \(its lease ends in \d+ s"):
        async with lock.hold(shop.fly, APP, machines, "v2 by ann", journal):
            pytest.fail("ran without the lock")

    assert await shop.fly.lease(APP, machines[0]) is None
    assert [event.kind for event in journal_file.read(tmp_path / "lock.jsonl")] == ["refused"]


async def test_the_lock_is_taken_as_soon_as_it_is_free(
    shop: Deployment,
    machines: list[str],
    other: FlyClient,
    journal: Journal,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A rollout that is nearly done, or has died, is waited for, and that is told once."""
    monkeypatch.setattr(lock, "RETRY_SECONDS", 0.05)
    await other.acquire_lease(APP, machines[0], 60, "v2 by bob")
    entered = asyncio.Event()

    async def wait_and_enter() -> None:
        async with lock.hold(shop.fly, APP, machines, "v3 by ann", journal):
            entered.set()

    entering = asyncio.create_task(wait_and_enter())
    while not journal_file.read(tmp_path / "lock.jsonl"):
        await asyncio.wait([entering], timeout=0.01)
    assert not entered.is_set()
    await other.release_lease(APP, machines[0])
    await entering

    (told,) = journal_file.read(tmp_path / "lock.jsonl")
    assert "waiting for v2 by bob" in told.text


async def test_a_heartbeat_keeps_the_lock_longer_than_a_lease_lasts(
    shop: Deployment,
    machines: list[str],
    other: FlyClient,
    journal: Journal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A rollout takes minutes, a lease seconds."""
    monkeypatch.setattr(lock, "TTL_SECONDS", 2)
    monkeypatch.setattr(lock, "HEARTBEAT_SECONDS", 0.2)

    async with lock.hold(shop.fly, APP, machines, "v2 by ann", journal):
        first = await other.lease(APP, machines[0])
        assert first is not None
        while True:
            now = await other.lease(APP, machines[0])
            assert now is not None, "the lease has ended"
            if now.expires_at > first.expires_at + 1:
                break
            await asyncio.sleep(0.05)
        with pytest.raises(Conflict):
            await other.acquire_lease(APP, machines[0], 5, "v3 by bob")


async def test_a_machine_that_is_gone_needs_no_lock(
    shop: Deployment, machines: list[str], journal: Journal
) -> None:
    """It was destroyed after the app was looked at."""
    await shop.fly.destroy(APP, machines[0])

    async with lock.hold(shop.fly, APP, machines, "v2 by ann", journal):
        assert await shop.fly.lease(APP, machines[1]) is not None
