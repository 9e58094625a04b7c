"""What flyctl shows of a rollout: the records of the releases API."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from flygate.commands.workspace import journal_path
from flygate.fly.client import FlyClient
from flygate.fly.endpoints import Endpoints, is_loopback
from flygate.fly.pace import Pace
from flygate.record import journal
from flygate.rollout.errors import RolloutRestoredError

from tests.infra.deployment import APP, Deployment

pytestmark = pytest.mark.integration


async def records(endpoints: Endpoints) -> list[dict[str, Any]]:
    """Newest first, as `fly releases` reads them."""
    assert is_loopback(endpoints.api_url)
    url = f"{endpoints.api_url}/api/v1/apps/{APP}/releases"
    headers = {"Authorization": f"Bearer {endpoints.token}"}
    async with httpx.AsyncClient(headers=headers, trust_env=False) as http:
        found: list[dict[str, Any]] = (await http.get(url)).json()["releases"]
    return found


async def test_a_release_is_a_record_that_its_machines_name(
    shop: Deployment, endpoints: Endpoints
) -> None:
    """`fly status` and `fly secrets list` find it by what the machines say."""
    await shop.release()

    [record] = await records(endpoints)
    [machine] = await shop.fly.machines(APP)
    assert (record["status"], record["strategy"]) == ("complete", "BLUEGREEN")
    assert record["image_ref"] == shop.manifest().image
    assert machine.metadata["fly_release_id"] == record["id"]
    assert machine.metadata["fly_release_version"] == str(record["version"])


async def test_a_release_that_was_taken_back_has_failed(
    shop: Deployment, endpoints: Endpoints
) -> None:
    """The record says so, and the machines that serve name the former one."""
    await shop.release({"KEY": "canary-value"})
    with pytest.raises(RolloutRestoredError):
        await shop.release({"KEY": "canary-value"}, env={"FAULT": "crash"})

    assert [one["status"] for one in await records(endpoints)] == ["failed", "complete"]
    serving = {m.metadata["fly_release_version"] for m in await shop.fly.machines(APP)}
    assert serving == {"1"}


async def test_a_rollback_to_a_standby_is_a_record_of_its_own(
    shop: Deployment, endpoints: Endpoints
) -> None:
    """The machines that were woken name it, not the one that they were made for."""
    await shop.release(env={"GREETING": "one"})
    await shop.release(env={"GREETING": "two"})
    await shop.pin(1)

    live = [m for m in await shop.fly.machines(APP) if m.metadata["flygate_role"] == "live"]
    assert [one["version"] for one in await records(endpoints)] == [3, 2, 1]
    assert {m.metadata["fly_release_version"] for m in live} == {"3"}


async def test_a_fly_that_takes_no_records_fails_nothing(
    endpoints: Endpoints, checkout: Path
) -> None:
    """It is a warning: the rollout itself needs none."""
    deaf = replace(endpoints, uiex_url="http://127.0.0.1:9")
    async with FlyClient(deaf, pace=Pace(is_limited=False)) as fly:
        shop = Deployment(fly, checkout)
        await shop.create_app()
        await shop.release()

    assert await records(endpoints) == []
    [warning] = [e for e in journal.read(journal_path(shop.root, APP)) if e.kind == "warning"]
    assert warning.text.startswith("`fly releases` won't show it: ")
