"""Retired machines are kept for a while, and a rollback starts them again."""

from __future__ import annotations

import pytest
from flygate.commands.workspace import journal_path
from flygate.manifest import Course
from flygate.record import journal
from flygate.rollout.errors import RolloutRestoredError
from flygate.rollout.state import LIVE, PLATFORM_KEY, STANDBY

from tests.infra.deployment import APP, Deployment

pytestmark = pytest.mark.integration


@pytest.fixture
async def serving(shop: Deployment) -> Deployment:
    """A shop whose v2 serves; v1 is its standby."""
    await shop.release({"KEY": "one"}, env={"GREETING": "one"}, machines=2)
    await shop.release({"KEY": "two"}, env={"GREETING": "two"}, machines=2)
    return shop


async def test_a_rollback_starts_the_machines_that_ran_it(serving: Deployment) -> None:
    """With their own secrets, without a gap, in seconds; what they replace is kept in turn."""
    standby = {m.id for m in (await serving.state()).of(1)}

    async with serving.traffic() as traffic:
        ledger = await serving.pin(1, reason="two is slow")

    assert traffic.failures == []
    answer = await serving.ask()
    assert (answer["GREETING"], answer["KEY"]) == ("one", "one")
    state = await serving.state()
    assert {m.id for m in state.of(3)} == standby
    assert {(m.role, m.serves, m.retired_at) for m in state.of(3)} == {(LIVE, True, 0)}
    assert {(m.role, m.serves) for m in state.of(2)} == {(STANDBY, False)}
    assert ledger.current is not None
    assert (ledger.current.version, ledger.current.rollback_of) == (3, 1)
    assert sorted(ledger.current.machines["iad"]) == sorted(standby)


async def test_a_rollback_of_the_rollback_starts_them_as_well(serving: Deployment) -> None:
    """There and back again, always with the same four machines."""
    before = {m.id for m in (await serving.state()).machines}

    await serving.pin(1)
    await serving.pin(2)

    assert (await serving.ask())["GREETING"] == "two"
    assert {m.id for m in (await serving.state()).machines} == before


async def test_a_standby_that_does_not_come_up_changes_nothing(serving: Deployment) -> None:
    """It is proved like a new machine; it rests again afterwards."""
    (machine, _) = (await serving.state()).of(1)
    broken = await serving.fly.machine(APP, machine.id)
    assert broken.config is not None
    await serving.fly.set_secrets(APP, {"FAULT": "crash"})

    async with serving.traffic() as traffic:
        with pytest.raises(RolloutRestoredError, match=r"health check of v1-iad-\d"):
            await serving.pin(1)

    assert traffic.failures == []
    assert (await serving.ask())["GREETING"] == "two"
    assert {(m.role, m.serves) for m in (await serving.state()).of(1)} == {(STANDBY, False)}


async def test_when_a_machine_of_it_has_gone_new_ones_are_made(serving: Deployment) -> None:
    """By the manifest's own strategy, or all at once."""
    (gone, _) = (await serving.state()).of(1)
    await serving.fly.destroy(APP, gone.id)

    await serving.pin(1, fast=True)

    assert (await serving.ask())["GREETING"] == "one"
    began = [e.text for e in journal.read(journal_path(serving.root, APP)) if e.kind == "started"]
    assert "(v1 again, all at once): 2 machines" in began[-1]
    assert {m.name for m in (await serving.state()).of(3)} == {"v3-iad-1", "v3-iad-2"}


async def test_a_standby_whose_time_is_over_goes_with_the_next_run(shop: Deployment) -> None:
    """`rollout.standby` decides."""
    brief = Course(standby="0s")
    for greeting in ("one", "two", "three"):
        await shop.release(env={"GREETING": greeting}, rollout=brief)

    assert sorted({m.release for m in (await shop.state()).machines}) == [2, 3]


async def test_flyctl_does_not_count_a_standby(serving: Deployment) -> None:
    """It looks for the platform's version in the metadata; a machine that serves again has it."""
    await serving.pin(1)

    versions = {
        machine.name: machine.metadata.get(PLATFORM_KEY)
        for machine in await serving.fly.machines(APP)
    }
    assert versions == {
        "v1-iad-1": "v2",
        "v1-iad-2": "v2",
        "v2-iad-1": None,
        "v2-iad-2": None,
    }
