"""Machines with volumes: what they write is kept, whatever becomes of the machine."""

import asyncio
import json
import sys
from pathlib import Path

import psutil
import pytest
from localfly.errors import InvalidArgumentError
from localfly.machines.mounts import requested_mount
from localfly.runtime import mounted

from tests.support.localfly import Json, Machines, local_machines

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux has mounts of one process"),
]

PATH = "/data"


async def volume(machines: Machines, **body: object) -> Json:
    answer = await machines.api.post("/v1/apps/demo/volumes", json={"name": "data", **body})
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def mounting(machines: Machines, named: str, path: str = PATH) -> Json:
    return machines.config(mounts=[{"volume": named, "path": path}])


async def shell(machines: Machines, machine: str, script: str) -> str:
    answer = await machines.post(machine, "exec", json={"command": ["sh", "-c", script]})
    found = answer.json()
    assert found["exit_code"] == 0, found
    return str(found["stdout"])


async def refusal(machines: Machines, config: Json, code: int, **body: object) -> str:
    answer = await machines.api.post(machines.base, json={"config": config, **body})
    assert answer.status_code == code, answer.text
    return str(answer.json()["error"])


async def test_a_machine_sees_its_volume_where_it_is_mounted(machines: Machines) -> None:
    """The main process and commands beside it, and nothing else on this computer."""
    made = await volume(machines)
    writes = ["sh", "-c", f"echo row > {PATH}/main; exec sleep 60"]
    config = {**mounting(machines, made["id"]), "init": {"exec": writes}, "services": []}
    machine = (await machines.create(config))["id"]
    await machines.wait(machine, "started")
    assert await shell(machines, machine, f"cat {PATH}/main; echo more > {PATH}/beside") == "row\n"
    folder = machines.fly.state_dir / "volumes" / made["id"]
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        "main": "row\n",
        "beside": "more\n",
    }
    assert not await asyncio.to_thread((Path(PATH) / "main").exists)
    document = await machines.get(machine)
    known = {"volume": made["id"], "name": "data", "size_gb": 3, "encrypted": True}
    assert document["config"]["mounts"] == [{"path": PATH, **known}]


@pytest.mark.parametrize("path", ["/mnt", "/var/lib/flygate-none/deep", "/flygate-none/deep"])
async def test_a_path_may_exist_or_not(machines: Machines, path: str) -> None:
    """What is beside it is still seen."""
    made = await volume(machines)
    machine = await machines.serving(config=mounting(machines, made["id"], path))
    assert await shell(machines, machine["id"], f"echo x > {path}/f; cat {path}/f") == "x\n"
    assert "passwd" in await shell(machines, machine["id"], "ls /etc")
    assert (machines.fly.state_dir / "volumes" / made["id"] / "f").read_text() == "x\n"
    assert path == "/mnt" or not await asyncio.to_thread(Path(path).exists)


async def test_data_outlives_updates_restarts_and_the_machine(machines: Machines) -> None:
    """Only the deletion of the volume ends it, and that waits for the machine's end."""
    made = await volume(machines)
    config = mounting(machines, made["id"])
    machine = (await machines.serving(config=config))["id"]
    await shell(machines, machine, f"echo row > {PATH}/kept")
    update = await machines.api.post(
        f"{machines.base}/{machine}", json={"config": {**config, "env": {"NEW": "yes"}}}
    )
    assert update.status_code == 200, update.text
    await machines.healthy(machine)
    assert await shell(machines, machine, f"cat {PATH}/kept") == "row\n"
    path = f"/v1/apps/demo/volumes/{made['id']}"
    assert (await machines.api.get(path)).json()["attached_machine_id"] == machine
    refused = await machines.api.delete(path)
    assert refused.status_code == 412
    assert machine in refused.json()["error"]
    await machines.api.delete(f"{machines.base}/{machine}?force=true")
    assert (await machines.api.get(path)).json()["attached_machine_id"] is None
    other = (await machines.serving(config=config))["id"]
    assert await shell(machines, other, f"cat {PATH}/kept") == "row\n"
    await machines.api.delete(f"{machines.base}/{other}?force=true")
    assert (await machines.api.delete(path)).status_code == 200
    assert not (machines.fly.state_dir / "volumes" / made["id"]).exists()


async def test_data_outlives_the_daemon(tmp_path: Path) -> None:
    """The machine that comes back has it, with its permissions."""
    async with local_machines(tmp_path / "state") as machines:
        made = await volume(machines)
        machine = (await machines.serving(config=mounting(machines, made["id"])))["id"]
        await shell(machines, machine, f"echo row > {PATH}/kept; chmod 644 {PATH}/kept")
        digest = machines.digest
    async with local_machines(tmp_path / "state", expects_app=True) as machines:
        machines.digest = digest
        await machines.healthy(machine)
        assert await shell(machines, machine, f"stat -c %a {PATH}/kept; cat {PATH}/kept") == (
            "644\nrow\n"
        )


async def test_a_volume_has_one_machine(machines: Machines) -> None:
    """A second one is refused, by name; so is one in another region, and one that is not there."""
    made = await volume(machines)
    first = (await machines.create(mounting(machines, made["id"])))["id"]
    error = await refusal(machines, mounting(machines, made["id"]), 412)
    assert first in error
    assert made["id"] in error
    far = await volume(machines, name="far", region="lhr")
    error = await refusal(machines, mounting(machines, far["id"]), 400)
    assert "lhr" in error
    assert "iad" in error
    await machines.create(mounting(machines, far["id"]), region="lhr")
    assert "vol_none not found" in await refusal(machines, mounting(machines, "vol_none"), 404)
    assert len((await machines.api.get(machines.base)).json()) == 2


async def test_a_volume_is_found_by_its_name(machines: Machines) -> None:
    """A free one in the machine's region."""
    made = [(await volume(machines))["id"] for _ in range(2)]
    await volume(machines, region="lhr")
    machine = [await machines.create(mounting(machines, "data")) for _ in range(2)]
    assert [one["config"]["mounts"][0]["volume"] for one in machine] == made
    assert "none of the 3" in await refusal(machines, mounting(machines, "data"), 404)


async def test_an_update_keeps_the_volume(machines: Machines) -> None:
    """It can't take it away or change it; a machine without one may get one."""
    made, other = await volume(machines), await volume(machines, name="other")
    machine = (await machines.create())["id"]
    path = f"{machines.base}/{machine}"
    answer = await machines.api.post(path, json={"config": mounting(machines, made["id"])})
    assert answer.json()["config"]["mounts"][0]["volume"] == made["id"]
    for config in (machines.config(), mounting(machines, other["id"])):
        answer = await machines.api.post(path, json={"config": config})
        assert answer.status_code == 400
        assert made["id"] in answer.json()["error"]
    config = mounting(machines, "data", "/elsewhere")
    answer = await machines.api.post(path, json={"config": config})
    mount = answer.json()["config"]["mounts"][0]
    assert (mount["volume"], mount["path"]) == (made["id"], "/elsewhere")


async def test_a_path_that_hides_what_machines_need_is_refused(machines: Machines) -> None:
    """Their images and their Python are on this computer, too."""
    made = await volume(machines)
    hiding = str(machines.fly.state_dir.resolve().parent)
    error = await refusal(machines, mounting(machines, made["id"], hiding), 400)
    assert hiding in error


async def test_a_computer_without_mounts_of_one_process_refuses(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the reason, and what to do."""
    monkeypatch.setattr(mounted, "_trouble", lambda _: "darwin has none")
    made = await volume(machines)
    error = await refusal(machines, mounting(machines, made["id"]), 400)
    assert "darwin has none" in error
    assert "--runtime docker" in error


@pytest.mark.parametrize(
    "mounts",
    [
        [{"volume": "a", "path": "/a"}, {"volume": "b", "path": "/b"}],
        [{"volume": "a", "path": "data"}],
        [{"volume": "a", "path": "/"}],
        [{"volume": "a", "path": "/a/../b"}],
        [{"volume": "a"}],
        [{"path": "/a"}],
        [{"volume": 3, "path": "/a"}],
    ],
)
def test_mounts_that_make_no_sense(mounts: list[Json]) -> None:
    """The message names the key."""
    with pytest.raises(InvalidArgumentError, match=r"config\.mounts"):
        requested_mount({"mounts": mounts})


async def test_a_snapshot_is_of_one_moment(machines: Machines) -> None:
    """The machine stands still while it is taken, and goes on."""
    made = await volume(machines)
    counts = f"import itertools\nfor n in itertools.count(): open('{PATH}/n', 'w').write(str(n))"
    init = {"exec": ["python", "-c", counts]}
    machine = (await machines.create({**mounting(machines, made["id"]), "init": init}))["id"]
    await machines.wait(machine, "started")
    folder = machines.fly.state_dir / "volumes"
    async with asyncio.timeout(10):
        while not (folder / made["id"] / "n").exists():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    answer = await machines.api.post(f"/v1/apps/demo/volumes/{made['id']}/snapshots")
    assert (folder / answer.json()["id"] / "n").exists()
    pid = machines.fly.state_dir / "machines" / f"{machine}.json"
    process = json.loads(pid.read_text())["process"]["pid"]
    assert psutil.Process(process).status() != psutil.STATUS_STOPPED
