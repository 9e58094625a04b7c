"""Machines as Docker containers, where a Docker answers and has a Redis image."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from localfly.daemon.control import DaemonControl
from localfly.daemon.local_fly import LocalFly
from localfly.daemon.options import DOCKER, Options
from localfly.processes.identity import identify
from localfly.runtime.container import ask_docker
from localfly.state.env_file import read_token
from localfly.state.store import Store
from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.support.localfly import Json, Machines, clients, ended
from tests.support.redis_container import DockerUnavailableError, redis_image

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

SERVER = ["redis-server", "--protected-mode", "no"]


@pytest.fixture
def image() -> str:
    """A small real image."""
    try:
        return redis_image()
    except DockerUnavailableError as exc:
        pytest.skip(str(exc))


@pytest.fixture
async def machines(tmp_path: Path, image: str) -> AsyncIterator[Machines]:
    """An app on a local Fly whose machines are containers; none is left afterwards."""
    state = tmp_path / "state"
    async with (
        LocalFly(state, options=Options(runtime=DOCKER)) as fly,
        clients(fly.api_url, fly.proxy_url) as (api, proxy),
    ):
        await api.post("/v1/apps", json={"name": "demo", "org_slug": "personal"})
        yield Machines(fly, api, proxy)
    assert await containers(state) == []


async def containers(state: Path) -> list[str]:
    identity = Store(state).read("identity") or {}
    label = f"label=flygate.state={identity['state_id']}"
    return (await ask_docker("ps", "--all", "--quiet", "--filter", label)).stdout.split()


def config(image: str, *command: str, **changes: object) -> Json:
    check = {"type": "tcp", "port": 6379, "interval": "2s", "timeout": "2s", "grace_period": "20s"}
    guest = {"cpu_kind": "shared", "cpus": 1, "memory_mb": 64}
    init = {"exec": list(command or SERVER)}
    return {"image": image, "init": init, "guest": guest, "checks": {"redis": check}, **changes}


async def test_a_container_serves_on_the_machines_address(machines: Machines, image: str) -> None:
    """With its variables, its memory limit and its image's digest; it stops and starts again."""
    await machines.api.post("/v1/apps/demo/secrets", json={"values": {"WORD": "canary-77ab"}})
    made = await machines.create(config(image, env={"COLOUR": "green"}))
    machine = await machines.healthy(made["id"])
    url = f"redis://{machine['private_ip']}:6379"
    async with Redis.from_url(url) as client:
        assert await client.ping()
    ran = await machines.post(machine["id"], "exec", json={"command": ["redis-server", "-v"]})
    assert ran.json()["exit_code"] == 0
    assert ran.json()["stdout"].startswith("Redis server")
    state = machines.fly.state_dir
    (container,) = await containers(state)
    (found,) = json.loads((await ask_docker("inspect", container)).stdout)
    assert found["HostConfig"]["Memory"] == 64 * 1024 * 1024
    assert found["Image"] == machine["image_ref"]["digest"]
    expected = {"COLOUR=green", "WORD=canary-77ab", f"FLY_MACHINE_ID={machine['id']}"}
    assert expected <= set(found["Config"]["Env"])
    identity = identify((Store(state).read(f"machines/{machine['id']}") or {})["process"]["pid"])
    assert identity
    assert "canary-77ab" not in identity.command
    await machines.post(machine["id"], "stop")
    await machines.wait(machine["id"], "stopped")
    assert await containers(machines.fly.state_dir) == []
    await machines.post(machine["id"], "start")
    await machines.healthy(machine["id"])


async def test_a_container_writes_into_its_volume(machines: Machines, image: str) -> None:
    """It is kept when the container goes; a snapshot is taken while it stands still."""
    made = (await machines.api.post("/v1/apps/demo/volumes", json={"name": "data"})).json()
    mounts = [{"volume": made["id"], "path": "/data"}]
    server = config(image, *SERVER, "--dir", "/data", mounts=mounts)
    machine = (await machines.create(server))["id"]
    address = (await machines.healthy(machine))["private_ip"]
    async with Redis.from_url(f"redis://{address}:6379") as client:
        await client.set("row", "kept")
        await client.save()
    path = f"/v1/apps/demo/volumes/{made['id']}/snapshots"
    snapshot = (await machines.api.post(path)).json()
    await machines.healthy(machine)
    await machines.api.delete(f"{machines.base}/{machine}?force=true")
    folder = machines.fly.state_dir / "volumes"
    assert b"kept" in (folder / made["id"] / "dump.rdb").read_bytes()
    assert b"kept" in (folder / snapshot["id"] / "dump.rdb").read_bytes()


async def test_a_container_that_needs_too_much_memory_is_killed(
    machines: Machines, image: str
) -> None:
    """Docker's limit ends it, and the exit event says so. The end of a program keeps its code."""
    machine = await machines.create(config(image, restart={"policy": "no"}))
    await machines.healthy(machine["id"])
    async with Redis.from_url(f"redis://{machine['private_ip']}:6379") as client:
        with pytest.raises((RedisError, OSError)):
            await client.mset({f"large {number}": b"x" * 16_000_000 for number in range(8)})
    await machines.wait(machine["id"], "stopped", 40)
    assert await last_exit(machines, machine["id"]) == (137, True)
    failing = config(image, "redis-server", "--port", "none", restart={"policy": "no"})
    machine = await machines.create(failing)
    await machines.wait(machine["id"], "stopped", 40)
    assert await last_exit(machines, machine["id"]) == (1, False)
    logs = await machines.api.get(f"/api/v1/apps/demo/logs?instance={machine['id']}")
    assert "FATAL CONFIG FILE ERROR" in logs.text


async def last_exit(machines: Machines, machine: str) -> tuple[int, bool]:
    events = (await machines.get(machine))["events"]
    ended = next(e["request"]["exit_event"] for e in events if e["type"] == "exit")
    return ended["exit_code"], ended["oom_killed"]


async def test_a_suspended_container_stands_still(machines: Machines, image: str) -> None:
    """And goes on where it was, with what it held."""
    machine = await machines.healthy((await machines.create(config(image)))["id"])
    url = f"redis://{machine['private_ip']}:6379"
    async with Redis.from_url(url) as client:
        await client.set("a", "kept")
    await machines.post(machine["id"], "suspend")
    await machines.wait(machine["id"], "suspended")
    await machines.post(machine["id"], "start")
    await machines.healthy(machine["id"])
    async with Redis.from_url(url) as client:
        assert await client.get("a") == b"kept"


async def test_an_image_that_docker_can_not_get_is_refused(machines: Machines) -> None:
    """In Docker's words."""
    body = {"config": config("flygate-test/none:never")}
    answer = await machines.api.post(machines.base, json=body)
    assert answer.status_code == 404
    assert "flygate-test/none:never" in answer.json()["error"]


async def test_a_killed_daemons_containers_are_adopted_or_removed(
    tmp_path: Path, image: str
) -> None:
    """The next `up` goes on with them, `down` leaves none."""
    control = DaemonControl(tmp_path / "state")
    try:
        info = (await asyncio.to_thread(control.up, 0, 0, Options(runtime=DOCKER))).info
        async with clients(info.api_url, info.proxy_url, read_token(control.folder)) as (
            api,
            proxy,
        ):
            await api.post("/v1/apps", json={"name": "demo", "org_slug": "personal"})
            made = Machines(None, api, proxy)  # type: ignore[arg-type]
            machine = await made.healthy((await made.create(config(image)))["id"])
        before = await containers(control.folder)
        os.kill(info.pid, signal.SIGKILL)
        await ended(info.pid)
        info = (await asyncio.to_thread(control.up, 0, 0, Options(runtime=DOCKER))).info
        async with clients(info.api_url, info.proxy_url, read_token(control.folder)) as (
            api,
            proxy,
        ):
            await Machines(None, api, proxy).healthy(machine["id"])  # type: ignore[arg-type]
        assert await containers(control.folder) == before
        os.kill(info.pid, signal.SIGKILL)
        await ended(info.pid)
        await asyncio.to_thread(control.down)
        assert await containers(control.folder) == []
    finally:
        await asyncio.to_thread(control.down)
