"""A release that is compared with the former one before it stands, on a local Fly."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import httpx
import pytest
from flygate.commands import app_key
from flygate.commands.workspace import journal_path
from flygate.manifest import Course
from flygate.record import journal
from flygate.rollout.clients import collector
from flygate.rollout.errors import RolloutHeldError, RolloutRestoredError
from flygate.rollout.gates import soak
from flygate.rollout.judge import recorded_soak
from flygate.rollout.machine import life
from flygate_wire.variables import Variable

from tests.infra.deployment import APP, Deployment

pytestmark = pytest.mark.integration

COURSE = Course(strategy="canary", steps=(1, "100%"), soak="500ms")
SECRET = f"import os, json; print(json.dumps(os.environ.get({Variable.FLYGATE_KEY.value!r})))"


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many looks in a short soak."""
    monkeypatch.setattr(soak, "SECONDS_BETWEEN_MIN", 0.05)


async def known_key(shop: Deployment, release: int) -> str:
    """The key that a machine of a release knows."""
    machine = (await shop.state()).of(release)[0]
    reported = await shop.fly.exec(APP, machine.id, ["python", "-c", SECRET], 10)
    return str(json.loads(reported.stdout))


def soaks(shop: Deployment, release: str) -> list[recorded_soak.RecordedSoak]:
    """The soaks of a release, from the journal."""
    return recorded_soak.soaks(journal.read(journal_path(shop.root, APP)), release)


async def test_each_step_is_compared_in_each_region(shop: Deployment) -> None:
    """All new machines that serve by then, against all former ones; the verdict can be replayed."""
    fleet: dict[str, Any] = {"machines": 2, "regions": ("iad", "fra"), "rollout": COURSE}
    await shop.release(**fleet)
    await shop.release(env={"GREETING": "v2"}, **fleet)

    compared = soaks(shop, "v2")

    sides = [[m.is_new for m in one.soak.members.values()] for one in compared]
    assert [(side.count(True), side.count(False)) for side in sides] == [(2, 4), (4, 4)]
    assert {one.soak.rules.soaks for one in compared} == {2}
    verdicts = [one.judge() for one in compared]
    assert [verdict.outcome for verdict in verdicts] == ["pass", "pass"]
    assert set(verdicts[0].numbers) == {"iad", "fra"}
    assert soaks(shop, "v1") == []  # there was nothing to compare with


async def test_a_worse_release_is_taken_back(shop: Deployment) -> None:
    """With the numbers in the error, and everything as it was."""
    await shop.release()
    before = await shop.fingerprint()

    with pytest.raises(RolloutRestoredError, match=r"judge check of the new machines: 5xx \d+ of"):
        await shop.release(env={"FAULT": "erring"}, rollout=COURSE)

    assert await shop.fingerprint() == before


async def test_a_canary_that_dies_between_two_looks_is_taken_back(
    shop: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy computer may ask too seldom to see it: Fly's own events say so at the end."""
    await shop.release()
    looked: list[str] = []

    async def collect(web: Any, machines: Any, key: str) -> dict[str, Any]:
        reported = await collector.collect(web, machines, key)
        if not looked:
            looked.extend(machines)
            (canary,) = [m for m in (await shop.state()).machines if m.release == 2]
            with contextlib.suppress(httpx.HTTPError):  # no machine is left to answer
                await web.get("/die", headers={"fly-force-instance-id": canary.id})
            while not life.died_at(await shop.fly.machine(APP, canary.id)):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return {machine: {**one, "boot": "the same"} for machine, one in reported.items()}

    monkeypatch.setattr(soak, "collect", collect)
    with pytest.raises(RolloutRestoredError, match="restarted once while judged"):
        await shop.release(env={"GREETING": "v2"}, rollout=COURSE)


async def test_a_former_release_that_reports_nothing_holds_the_rollout(shop: Deployment) -> None:
    """It is older than statistics: an operator must decide."""
    await shop.release(env={"FAULT": "mute"})

    with pytest.raises(
        RolloutHeldError, match=r"v1-iad-1 reports no statistics \(it answers 404\)"
    ):
        await shop.release(rollout=COURSE)


async def test_the_key_is_the_app_s_and_no_release_s(shop: Deployment) -> None:
    """It is made once, is in no manifest, is no part of the history, and survives a rollback."""
    ledger = await shop.release()
    key = ledger.key
    assert len(key) >= 32
    assert await known_key(shop, 1) == key
    assert key not in json.dumps(ledger.history())

    await shop.release(env={"GREETING": "v2"})
    await shop.pin(1)

    assert shop.ledger.key == key
    assert await known_key(shop, 3) == key
    assert Variable.FLYGATE_KEY.value not in shop.ledger.releases[0].manifest.secrets
    assert key not in journal_path(shop.root, APP).read_text(encoding="utf-8")


async def test_the_key_of_a_first_rollout_that_was_held_is_found_again(shop: Deployment) -> None:
    """The ledger of a held rollout is lost, but its machines are gone on with."""
    await shop.release(env={"FAULT": "mute"})
    shop.ledger = shop.ledger.model_copy(update={"key": ""})  # as an older version left it
    with pytest.raises(RolloutHeldError):
        await shop.release(rollout=COURSE)

    found = await app_key.find(shop.ledger, await shop.state(), shop.fly)

    assert found == await known_key(shop, 2)


async def test_a_first_key_goes_with_the_release_that_brought_it(shop: Deployment) -> None:
    """A rollout that is taken back leaves no secret behind."""
    await shop.release(env={"GREETING": "v1"})
    await shop.fly.set_secrets(APP, {Variable.FLYGATE_KEY.value: None})
    shop.ledger = shop.ledger.model_copy(update={"key": ""})
    before = await shop.fingerprint()

    with pytest.raises(RolloutRestoredError):
        await shop.release(env={"FAULT": "erring"}, rollout=COURSE)

    assert (await shop.fingerprint())["secrets"] == before["secrets"] == {}
