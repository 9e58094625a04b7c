"""What survives the daemon: a restart, kill -9, a moved folder; and what `down` leaves."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from localfly.daemon.control import DaemonControl
from localfly.daemon.info import DaemonInfo
from localfly.daemon.local_fly import LocalFly
from localfly.errors import StartupError
from localfly.processes.identity import identify, marked_processes
from localfly.state.env_file import read_token
from localfly.state.files import remove_tree
from localfly.state.store import Store

from tests.support.localfly import Json, Machines, clients, ended, local_machines

pytestmark = pytest.mark.integration


@pytest.fixture
def control(tmp_path: Path) -> Iterator[DaemonControl]:
    """A daemon in the background, ended in the end however the test went."""
    made = DaemonControl(tmp_path / "state")
    yield made
    made.down()


@asynccontextmanager
async def driven(control: DaemonControl) -> AsyncIterator[Machines]:
    info, token = control.running(), read_token(control.folder)
    assert info
    async with clients(info.api_url, info.proxy_url, token) as (api, proxy):
        yield Machines(None, api, proxy)  # type: ignore[arg-type]


async def start(control: DaemonControl) -> DaemonInfo:
    return (await asyncio.to_thread(control.up, 0, 0)).info


async def pid_of(machines: Machines, machine: Json) -> int:
    found = (await machines.api.get(f"{machines.base}/{machine['id']}/ps")).json()
    return int(found[0]["pid"])


def state_id(folder: Path) -> str:
    return str((Store(folder).read("identity") or {})["state_id"])


async def test_a_restart_brings_everything_back(tmp_path: Path) -> None:
    """Apps, secrets, leases, ports; what should run runs again, the rest stays down."""
    async with local_machines(tmp_path) as machines:
        urls = (machines.fly.api_url, machines.fly.proxy_url)
        await machines.api.post("/v1/apps/demo/secrets", json={"values": {"A": "kept"}})
        running = await machines.serving(name="runs")
        stopped = await machines.create(name="down", skip_launch=True)
        await machines.wait(stopped["id"], "stopped")
        await machines.post(running["id"], "lease?ttl=300")
    assert list(marked_processes(state_id(tmp_path))) == []
    async with LocalFly(tmp_path) as fly, clients(fly.api_url, fly.proxy_url) as (api, proxy):
        again = Machines(fly, api, proxy)
        assert (fly.api_url, fly.proxy_url) == urls
        await again.healthy(running["id"])
        exits = [e for e in (await again.get(running["id"]))["events"] if e["type"] == "exit"]
        assert exits == []  # it did not end by itself
        assert (await again.ask("/env?A")).text == "kept"
        assert (await again.get(stopped["id"]))["state"] == "stopped"
        assert (await again.post(running["id"], "stop")).status_code == 409
        logs = await api.get("/api/v1/apps/demo/logs")
        texts = [line["attributes"]["message"] for line in logs.json()["data"]]
        assert [text.split()[0] for text in texts] == ["listening", "bye", "listening"]


async def test_a_killed_daemon_leaves_machines_that_are_adopted(control: DaemonControl) -> None:
    """The same process serves on, is checked, logged, and can be stopped by the next daemon."""
    info = await start(control)
    async with driven(control) as machines:
        await machines.setup()
        machine = await machines.serving()
        pid = await pid_of(machines, machine)
    os.kill(info.pid, signal.SIGKILL)
    await ended(info.pid)
    assert identify(pid)
    await start(control)
    async with driven(control) as machines:
        await machines.healthy(machine["id"])
        assert await pid_of(machines, machine) == pid
        assert (await machines.ask()).text == machine["id"]
        await machines.post(machine["id"], "stop")
        await machines.wait(machine["id"], "stopped")
        assert await ended(pid)


async def test_a_machine_that_died_with_the_daemon_is_started_again(
    control: DaemonControl,
) -> None:
    """Its exit is recorded, with an unknown code."""
    info = await start(control)
    async with driven(control) as machines:
        await machines.setup()
        machine = await machines.serving()
        pid = await pid_of(machines, machine)
    for victim in (info.pid, pid):
        os.kill(victim, signal.SIGKILL)
        await ended(victim)
    await start(control)
    async with driven(control) as machines:
        again = await machines.healthy(machine["id"])
        exits = [e for e in again["events"] if e["type"] == "exit"]
        assert exits[0]["request"]["exit_event"]["exit_code"] == -1


async def test_down_ends_what_a_killed_daemon_left(control: DaemonControl) -> None:
    """Machines, frozen ones, and what they started in groups of their own."""
    info = await start(control)
    async with driven(control) as machines:
        await machines.setup()
        await machines.serving()
        frozen = await machines.serving()
        await machines.post(frozen["id"], "suspend")
        await machines.wait(frozen["id"], "suspended")
        script = "import subprocess,sys; subprocess.Popen([sys.executable, '-c', "
        script += "'import time; time.sleep(600)'], start_new_session=True, stdout=-3, stderr=-3)"
        await machines.post(frozen["id"], "start")
        await machines.healthy(frozen["id"])
        await machines.post(frozen["id"], "exec", json={"command": ["python", "-c", script]})
    identity = state_id(control.folder)
    assert len(list(marked_processes(identity))) == 3
    os.kill(info.pid, signal.SIGKILL)
    await ended(info.pid)
    assert await asyncio.to_thread(control.down) is True
    assert list(marked_processes(identity)) == []
    assert await asyncio.to_thread(control.down) is False


async def test_two_ups_at_once_end_with_one_daemon(control: DaemonControl) -> None:
    """Neither fails, both tell of the same daemon."""
    other = DaemonControl(control.folder)
    started = await asyncio.gather(
        asyncio.to_thread(control.up, 0, 0), asyncio.to_thread(other.up, 0, 0)
    )
    assert started[0].info == started[1].info
    await asyncio.to_thread(other.down)


async def test_a_stranger_with_a_recorded_pid_is_not_touched(control: DaemonControl) -> None:
    """A pid that was reused is recognised by start time and command."""
    await start(control)
    async with driven(control) as machines:
        await machines.setup()
        machine = await machines.create(skip_launch=True)
        await machines.wait(machine["id"], "stopped")
    await asyncio.to_thread(control.down)
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])  # noqa: ASYNC220
    try:
        store, key = Store(control.folder), f"machines/{machine['id']}"
        document = store.read(key)
        assert document
        document |= {"state": "started", "desired": "stopped"}
        document["process"] = {"pid": stranger.pid, "started": "long ago", "command": "python x"}
        store.write(key, document)
        await start(control)
        await asyncio.to_thread(control.down)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


async def test_up_is_idempotent_and_replaces_an_outdated_daemon(control: DaemonControl) -> None:
    """The same code stays; another place or other code is restarted, and says why."""
    info = await start(control)
    again = await asyncio.to_thread(control.up)
    assert (again.is_new, again.info) == (False, info)
    store = Store(control.folder)
    for change, reason in (
        ({"version": "older"}, "its code has changed"),
        ({"root": "/elsewhere"}, "it ran from /elsewhere"),
    ):
        store.write("daemon", {**(store.read("daemon") or {}), **change})
        replaced = await asyncio.to_thread(control.up)
        assert replaced.is_new
        assert replaced.reason == reason
        assert replaced.info.api_url == info.api_url


async def test_a_moved_state_folder(control: DaemonControl, tmp_path: Path) -> None:
    """A daemon whose folder was moved away under it ends cleanly from the new place."""
    await start(control)
    async with driven(control) as machines:
        await machines.setup()
        machine = await machines.serving()
    moved = tmp_path / "moved"
    shutil.move(control.folder, moved)
    elsewhere = DaemonControl(moved)
    assert await asyncio.to_thread(elsewhere.down) is True
    assert list(marked_processes(state_id(moved))) == []
    assert not control.folder.exists()
    try:
        await start(elsewhere)
        async with driven(elsewhere) as machines:
            await machines.healthy(machine["id"])
            assert (await machines.ask()).text == machine["id"]
    finally:
        await asyncio.to_thread(elsewhere.down)


async def test_two_daemons_do_not_share_a_state(tmp_path: Path) -> None:
    """The second one is refused with the first one's process id."""
    async with LocalFly(tmp_path):
        with pytest.raises(StartupError, match=f"process {os.getpid()}"):
            async with LocalFly(tmp_path):
                pass


async def test_a_port_in_use_is_named_with_the_way_out(tmp_path: Path) -> None:
    """The message says what to type."""
    async with LocalFly(tmp_path / "one") as fly:
        port = int(fly.proxy_url.rpartition(":")[2])
        with pytest.raises(StartupError, match=rf"port {port} .*--proxy-port"):
            async with LocalFly(tmp_path / "two", api_port=0, proxy_port=port):
                pass


async def test_large_outputs_are_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that writes and writes does not fill the disk."""
    monkeypatch.setattr("localfly.logs.app_log._ROTATE_BYTES", 20_000)
    monkeypatch.setattr("localfly.logs.collector._ROTATE_BYTES", 20_000)
    monkeypatch.setattr("localfly.logs.collector._READ_BYTES", 8_000)
    async with local_machines(tmp_path) as machines:
        loop = "import time\nfor n in range(1500): print(n, 'x' * 60, flush=True)\ntime.sleep(60)"
        config = machines.config(init={"exec": ["python", "-c", loop]})
        machine = await machines.create(config=config)
        deadline = time.monotonic() + 20
        last = ""
        while not last.startswith("1499 ") and time.monotonic() < deadline:
            data = (await machines.api.get("/api/v1/apps/demo/logs")).json()["data"]
            last = data[-1]["attributes"]["message"] if data else ""
        assert last.startswith("1499 ")
        async with asyncio.timeout(10):
            while (tmp_path / "logs" / f"{machine['id']}.out").stat().st_size:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        sizes = [path.stat().st_size for path in (tmp_path / "logs").glob("demo.jsonl*")]
        assert max(sizes) < 60_000


async def test_a_deleted_state_folder_ends_its_daemon(control: DaemonControl) -> None:
    """`rm -rf` leaves no process behind."""
    info = await start(control)
    async with driven(control) as machines:
        await machines.setup()
        machine = await machines.serving()
        pid = await pid_of(machines, machine)
    await asyncio.to_thread(remove_tree, control.folder)
    assert await ended(info.pid)
    assert await ended(pid)
    assert not control.folder.exists()
