"""One rollout at a time: the leases of a real Fly, taken, kept alive, given back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from flygate.fly.client import FlyClient
from flygate.fly.endpoints import Endpoints
from flygate.fly.errors import ConflictError
from flygate.record import journal as journal_file
from flygate.record.journal import Journal
from flygate.redaction.redact import Redactor
from flygate.rollout.errors import LeaseLostError, LockHeldError
from flygate.rollout.lock import heartbeat, lease, lock
from flygate.rollout.lock.holder import Holder, HolderFile
from flygate.rollout.lock.lock import Lock

from tests.infra.deployment import APP, Deployment

pytestmark = pytest.mark.integration

SINCE = "2026-11-24T08:00:00+00:00"


@pytest.fixture
async def machines(shop: Deployment) -> list[str]:
    """Two machines."""
    return [await shop.machine("first"), await shop.machine("second")]


@pytest.fixture
async def other(endpoints: Endpoints) -> AsyncIterator[FlyClient]:
    """Another person who deploys."""
    async with FlyClient(endpoints) as client:
        yield client


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """A journal of its own."""
    return Journal(tmp_path / "lock.jsonl", "v2", Redactor())


@contextlib.asynccontextmanager
async def held(
    fly: FlyClient, machines: list[str], why: str, journal: Journal, wait_seconds: float = 0.0
) -> AsyncIterator[Lock]:
    """The lock as a process of another computer takes it."""
    holder = Holder("v2", "ann@laptop", SINCE, why)
    taken = Lock(fly, APP, holder, journal, wait_seconds)
    with tempfile.TemporaryDirectory() as folder:
        async with taken.hold(HolderFile(Path(folder) / "shop.json"), machines):
            yield taken


async def test_the_body_runs_with_all_machines_held(
    shop: Deployment, machines: list[str], journal: Journal
) -> None:
    """With a description that others can read; afterwards nothing is held."""
    async with held(shop.fly, machines, "hotfix", journal):
        found = [await shop.fly.lease(APP, machine_id) for machine_id in machines]
        description = f"flygate v2 by ann@laptop (process {os.getpid()}) since {SINCE}: hotfix"
        assert [one and one.description for one in found] == [description] * 2

    assert [await shop.fly.lease(APP, machine_id) for machine_id in machines] == [None, None]


async def test_a_body_that_fails_gives_the_leases_back(
    shop: Deployment, machines: list[str], journal: Journal
) -> None:
    """The next rollout need not wait."""
    with pytest.raises(RuntimeError):
        async with held(shop.fly, machines, "hotfix", journal):
            raise RuntimeError

    assert await shop.fly.lease(APP, machines[0]) is None


async def test_the_second_is_refused_with_the_name_of_the_first(
    shop: Deployment,
    machines: list[str],
    other: FlyClient,
    journal: Journal,
    tmp_path: Path,
) -> None:
    """What was taken so far is given back, and the refusal is on record."""
    await other.acquire_lease(APP, machines[1], 60, "flygate v2 by bob@ci: hotfix")

    with pytest.raises(
        LockHeldError, match=r"flygate v2 by bob@ci: hotfix \(its lease ends in \d+ s"
    ):
        async with held(shop.fly, machines, "hotfix", journal):
            pytest.fail("ran without the lock")

    assert await shop.fly.lease(APP, machines[0]) is None
    assert [event.kind for event in journal_file.read(tmp_path / "lock.jsonl")] == ["refused"]


async def test_a_holder_whose_heart_beats_is_not_waited_for(
    shop: Deployment, machines: list[str], other: FlyClient, journal: Journal
) -> None:
    """Its lease is as short as ours, and is renewed while we look: it lives."""
    theirs = Lock(other, APP, Holder("v2", "bob@ci", SINCE, "hotfix"), journal)
    with pytest.MonkeyPatch.context() as quick:
        quick.setattr(heartbeat, "HEARTBEAT_SECONDS", 0.2)
        quick.setattr(lock, "RETRY_SECONDS", 0.1)
        with tempfile.TemporaryDirectory() as folder:
            async with theirs.hold(HolderFile(Path(folder) / "theirs.json"), machines):
                began = time.monotonic()
                with pytest.raises(LockHeldError, match="v2 by bob@ci"):
                    async with held(shop.fly, machines, "", journal):
                        pytest.fail("ran without the lock")

    assert time.monotonic() - began < lease.TTL_SECONDS


async def test_a_holder_that_died_elsewhere_is_waited_for_until_its_lease_ends(
    shop: Deployment, machines: list[str], other: FlyClient, journal: Journal
) -> None:
    """It is not renewed, so it is no reason to refuse."""
    await other.acquire_lease(APP, machines[0], 2, "v2 by bob")

    async with held(shop.fly, machines, "", journal):
        mine = await other.lease(APP, machines[0])

    assert mine is not None
    assert "ann@laptop" in mine.description


async def test_the_lock_is_taken_as_soon_as_it_is_free(
    shop: Deployment,
    machines: list[str],
    other: FlyClient,
    journal: Journal,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With `--wait` a living holder is waited for, and that is reported once."""
    monkeypatch.setattr(lock, "RETRY_SECONDS", 0.05)
    await other.acquire_lease(APP, machines[0], 60, "v2 by bob")
    entered = asyncio.Event()

    async def wait_and_enter() -> None:
        async with held(shop.fly, machines, "", journal, wait_seconds=60):
            entered.set()

    entering = asyncio.create_task(wait_and_enter())
    while not journal_file.read(tmp_path / "lock.jsonl"):
        await asyncio.wait([entering], timeout=0.01)
    assert not entered.is_set()
    await other.release_lease(APP, machines[0])
    await entering

    (event,) = journal_file.read(tmp_path / "lock.jsonl")
    assert (event.kind, event.text[:14]) == ("waiting", "for v2 by bob ")


async def test_a_machine_that_was_leased_later_is_kept_and_given_back_too(
    shop: Deployment, machines: list[str], other: FlyClient, journal: Journal
) -> None:
    """The machines that a rollout makes are its own as much as those that it found."""
    async with held(shop.fly, machines[:1], "", journal):
        await lease.lease(shop.fly, APP, machines[1])
        with pytest.raises(ConflictError):
            await other.stop(APP, machines[1])

    assert await other.lease(APP, machines[1]) is None


async def test_a_heartbeat_keeps_the_lock_longer_than_a_lease_lasts(
    shop: Deployment,
    machines: list[str],
    other: FlyClient,
    journal: Journal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A rollout takes minutes, a lease seconds."""
    monkeypatch.setattr(lease, "TTL_SECONDS", 2)
    monkeypatch.setattr(heartbeat, "HEARTBEAT_SECONDS", 0.2)

    async with held(shop.fly, machines, "hotfix", journal):
        first = await other.lease(APP, machines[0])
        assert first is not None
        while True:
            now = await other.lease(APP, machines[0])
            assert now is not None, "the lease has ended"
            if now.expires_at > first.expires_at + 1:
                break
            await asyncio.sleep(0.05)
        with pytest.raises(ConflictError):
            await other.acquire_lease(APP, machines[0], 5, "v3 by bob")


async def test_a_machine_that_is_gone_needs_no_lock(
    shop: Deployment, machines: list[str], journal: Journal
) -> None:
    """It was destroyed after the app was looked at."""
    await shop.fly.destroy(APP, machines[0])

    async with held(shop.fly, machines, "hotfix", journal):
        assert await shop.fly.lease(APP, machines[1]) is not None


async def stolen(thief: FlyClient, fly: FlyClient, machine: str) -> None:
    """A lease ends before its time, and another takes it."""
    thief.leases[machine] = fly.leases[machine]
    await thief.release_lease(APP, machine)
    await thief.acquire_lease(APP, machine, 60, "flygate v3 by bob@ci")


async def test_a_body_that_waits_is_ended_when_its_lease_is_lost(
    shop: Deployment,
    machines: list[str],
    other: FlyClient,
    journal: Journal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A soak of an hour would go on judging what another rollout changes."""
    monkeypatch.setattr(heartbeat, "HEARTBEAT_SECONDS", 0.2)

    async def body() -> None:
        async with held(shop.fly, machines, "", journal):
            await stolen(other, shop.fly, machines[0])
            await asyncio.Event().wait()

    with pytest.raises(LeaseLostError, match=r"ended, and is now of flygate v3 by bob@ci"):
        await body()

    found = await other.lease(APP, machines[0])
    assert found is not None
    assert found.description == "flygate v3 by bob@ci"


async def test_a_lease_in_doubt_is_renewed_before_a_change(
    shop: Deployment, machines: list[str], journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This computer's clock was set, or its heartbeat was late: Fly knows whether it holds."""
    monkeypatch.setattr(heartbeat, "HEARTBEAT_SECONDS", 60)

    async with held(shop.fly, machines, "", journal):
        shop.fly.leases._ends.clear()
        await shop.fly.cordon(APP, machines[1])
        assert shop.fly.leases.doubtful() == []


async def test_a_lease_that_ended_stops_all_changes(
    shop: Deployment,
    machines: list[str],
    other: FlyClient,
    journal: Journal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those of machines whose lease holds, too, and those of the app."""
    monkeypatch.setattr(heartbeat, "HEARTBEAT_SECONDS", 60)

    async with held(shop.fly, machines, "", journal):
        await stolen(other, shop.fly, machines[0])
        shop.fly.leases._ends.pop(machines[0])
        for change in (
            lambda: shop.fly.cordon(APP, machines[1]),
            lambda: shop.fly.set_secrets(APP, {"KEY": "value"}),
            lambda: shop.fly.destroy(APP, machines[1]),
        ):
            with pytest.raises(LeaseLostError):
                await change()

    assert await shop.fly.secrets(APP) == []
    assert not (await shop.fly.machine(APP, machines[1])).cordoned


async def test_a_machine_that_was_destroyed_behind_our_back_is_no_lost_lease(
    shop: Deployment,
    machines: list[str],
    other: FlyClient,
    journal: Journal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What it was needed for says so; the others are held."""
    monkeypatch.setattr(heartbeat, "HEARTBEAT_SECONDS", 60)

    async with held(shop.fly, machines, "", journal):
        other.leases.update(shop.fly.leases)
        await other.destroy(APP, machines[0])
        shop.fly.leases._ends.clear()

        await shop.fly.cordon(APP, machines[1])

        assert list(shop.fly.leases) == [machines[1]]
