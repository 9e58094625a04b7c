"""A disk that fills up under the local Fly: what runs goes on, what is new is refused by name."""

import asyncio
from pathlib import Path

import httpx
import pytest
from localfly.daemon.local_fly import LocalFly

from tests.support.full_disk import files_of_at_most
from tests.support.localfly import Machines, clients, digest_of, local_machines, make_image

pytestmark = pytest.mark.integration


async def test_it_serves_from_memory_and_is_whole_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leases, metadata, secrets, cordon, logs: what a way back needs goes on; nothing is lost."""
    async with local_machines(tmp_path) as machines:
        machine = (await machines.serving())["id"]
        with files_of_at_most(10), monkeypatch.context() as full:
            full.setattr("localfly.state.disk_space.LEAST_BYTES", 1 << 60)
            refused = [
                await machines.api.post(machines.base, json={"config": machines.config()}),
                await machines.api.post(
                    f"{machines.base}/{machine}", json={"config": machines.config()}
                ),
                await machines.api.post("/v1/apps", json={"name": "two", "org_slug": "personal"}),
                await put(machines, "another"),
                await machines.api.post("/v1/apps/demo/volumes", json={"name": "data"}),
            ]
            kept = [
                await machines.post(machine, "metadata/note", json={"value": "x" * 50}),
                await machines.post(machine, "lease?ttl=300"),
                await machines.api.post("/v1/apps/demo/secrets", json={"values": {"A": "kept"}}),
            ]
            nonce = kept[1].json()["data"]["nonce"]
            cordoned = await machines.post(
                machine, "cordon", headers={"fly-machine-lease-nonce": nonce}
            )
            await machines.post(machine, "uncordon", headers={"fly-machine-lease-nonce": nonce})
            answered = await machines.ask()

        assert [answer.status_code for answer in refused] == [507] * len(refused)
        assert all("no space left on device" in answer.json()["error"] for answer in refused)
        assert all(answer.is_success for answer in (*kept, cordoned, answered))
        assert [app["name"] for app in await apps(machines)] == ["demo"]
        assert len((await machines.api.get(machines.base)).json()) == 1
        assert (await machines.serving(name="after"))["state"] == "started"
    async with LocalFly(tmp_path) as fly, clients(fly.api_url, fly.proxy_url) as (api, proxy):
        again = Machines(fly, api, proxy)
        await again.healthy(machine)
        assert (await again.get(machine))["config"]["metadata"]["note"] == "x" * 50
        assert (await again.post(machine, "stop")).status_code == 409  # the lease is held
        secrets = (await api.get("/v1/apps/demo/secrets")).json()["secrets"]
        assert [secret["name"] for secret in secrets] == ["A"]


async def test_what_is_owed_is_written_without_a_further_change(tmp_path: Path) -> None:
    """A daemon that is killed later loses nothing."""
    async with local_machines(tmp_path) as machines:
        machine = (await machines.create(skip_launch=True))["id"]
        await machines.wait(machine, "stopped")
        file = tmp_path / "machines" / f"{machine}.json"
        with files_of_at_most(10):
            await machines.post(machine, "metadata/note", json={"value": "owed"})
            assert "owed" not in file.read_text()
        async with asyncio.timeout(20):
            while "owed" not in file.read_text():  # noqa: ASYNC110 (the store notifies no one)
                await asyncio.sleep(0.05)


async def test_lines_of_a_log_that_find_no_room_are_still_shown(tmp_path: Path) -> None:
    """And the collecting goes on: later lines reach the file."""
    async with local_machines(tmp_path) as machines:
        log = tmp_path / "logs" / "demo.jsonl"
        machine = (await machines.serving())["id"]
        await lines_of(machines, 1)
        before = log.read_text()
        with files_of_at_most(len(before) + 5):
            await machines.post(machine, "stop")
            await machines.wait(machine, "stopped")
            await lines_of(machines, 2)
        assert log.read_text() == before
        await machines.post(machine, "start")
        await machines.healthy(machine)
        async with asyncio.timeout(20):
            while log.read_text() == before:  # noqa: ASYNC110 (collected without a request)
                await asyncio.sleep(0.05)


async def put(machines: Machines, name: str) -> httpx.Response:
    """Push an image that is not there yet."""
    made = make_image({name: b""}, ["python"])
    return await machines.api.put(f"/_images/{digest_of(made)}", content=made)


async def lines_of(machines: Machines, count: int) -> None:
    """Wait until the app's log has that number of lines."""
    async with asyncio.timeout(20):
        while len((await machines.api.get("/api/v1/apps/demo/logs")).json()["data"]) < count:
            pass


async def apps(machines: Machines) -> list[dict[str, str]]:
    """All that there are."""
    answer = await machines.api.get("/v1/apps?org_slug=personal")
    found: list[dict[str, str]] = answer.json()["apps"]
    return found
