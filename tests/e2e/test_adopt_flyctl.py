"""From the real `fly deploy` to Flygate and back, where a flyctl is installed (or FLYCTL names it).

Without one, `test_adopt` makes the machines as flyctl does.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from flygate.fly.client import FlyClient
from flygate.fly.endpoints import Endpoints
from flygate.images import packed_image

from tests.e2e.installation import installed
from tests.e2e.load import Load
from tests.e2e.project import Project, open_web
from tests.support.flyctl import DEPLOY, FLYCTL, Flyctl

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(900),
    pytest.mark.skipif(FLYCTL is None, reason="no flyctl here; set FLYCTL to its program"),
]

APP = "flygate-local"
TOML = f"""
app = "{APP}"
primary_region = "iad"
kill_signal = "SIGTERM"
kill_timeout = 30

[env]
SHUTDOWN_SECONDS = "25"
GREETING = "from flyctl"

[processes]
app = "python -m flygate_service"
worker = "sleep 1000000"
db = "sleep 1000001"

[http_service]
internal_port = 8080
processes = ["app"]
auto_stop_machines = "stop"
min_machines_running = 1

[[http_service.checks]]
path = "/readyz"
interval = "2s"
timeout = "2s"

[[vm]]
memory = "512mb"

[mounts]
source = "data"
destination = "/data"
processes = ["db"]
"""
WRITE = "import json, os; open('/data/row', 'w').write('kept'); print(json.dumps({}))"
READ = """
import json, os
names = ("GREETING", "API_TOKEN", "RATE_LIMIT_RPM")
row = open("/data/row").read() if os.path.exists("/data/row") else ""
print(json.dumps({**{name: os.environ.get(name, "") for name in names}, "row": row}))
"""
BEFORE = {"GREETING": "from flyctl", "API_TOKEN": "of-the-former-days", "RATE_LIMIT_RPM": ""}


@dataclass
class Shop:
    """The project, and flyctl in its folder."""

    project: Project
    flyctl: Flyctl
    url: str

    def fly(self, *words: str) -> str:
        return asyncio.run(self.flyctl.run(*words))

    def inside(self, group: str) -> dict[str, Any]:
        machine = next(m for m in self.project.live() if m["group"] == group)
        return self.project.inside(machine["id"], READ)


@pytest.fixture
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """An app with a secret, a volume, and a worker that has a standby, as flyctl likes it."""
    project = installed(tmp_path_factory.mktemp("flyctl") / "shop", tmp_path_factory)
    (project.path / "fly.toml").write_text(TOML, encoding="utf-8")
    home = tmp_path_factory.mktemp("home")
    (home / "config").mkdir()
    assert FLYCTL
    try:
        project.flygate(*Project.LOCAL_FLY).ok()
        flyctl = Flyctl(FLYCTL, project.path, home, project.local_fly(), project._token)
        found = Shop(project, flyctl, "")
        found.fly("apps", "create", APP, "--org", "personal")
        _tag(project, asyncio.run(_push(project)))
        found.fly("secrets", "set", "API_TOKEN=of-the-former-days", "--stage")
        found.fly(*DEPLOY, "--image", f"registry.fly.io/{APP}:first")
        found.url = asyncio.run(_url(project))
        yield found
    finally:
        project.flygate("local", "down")


async def _push(project: Project) -> str:
    url = project.local_fly()
    async with FlyClient(Endpoints(url, url, project._token)) as fly:
        packed = packed_image.pack(project.path, ["service", "wire"])
        await fly.push_image(packed.digest, packed.archive)
        return packed.digest


def _tag(project: Project, digest: str) -> None:
    httpx.put(
        f"{project.local_fly()}/_images/tags/registry.fly.io/{APP}:first",
        json={"digest": digest},
        headers=project.authorization,
        trust_env=False,
    ).raise_for_status()


async def _url(project: Project) -> str:
    url = project.local_fly()
    async with FlyClient(Endpoints(url, url, project._token)) as fly:
        return await fly.app_url(APP)


def test_from_fly_deploy_to_flygate_and_back(shop: Shop) -> None:
    """No request fails, nothing of flyctl's is lost, and `fly deploy` goes on at the end."""
    project = shop.project
    refused = project.flygate("adopt", "local", "--yes")
    assert refused.code == 1
    (command,) = re.findall(r"`fly (machine destroy [^`]+)`", refused.output)
    shop.fly(*command.split())
    before = {m["id"]: m for m in project.machines_of(APP) if m["state"] != "destroyed"}
    database = next(m for m in before.values() if _group(m) == "db")
    assert project.exec(APP, database["id"], WRITE)["exit_code"] == 0

    with Load(lambda: open_web(shop.url)) as load:
        project.flygate("adopt", "local", "--yes").ok()
        project.flygate("adopt", "local", "--undo").ok()
        assert {m["id"]: m["instance_id"] for m in project.machines_of(APP)} == {
            key: m["instance_id"] for key, m in before.items()
        }
        project.flygate("adopt", "local", "--yes").ok()
        project.run("make", "up").ok()
        assert sorted(m["group"] for m in project.live()) == ["app", "app", "db", "worker"]
        assert shop.inside("db") == {**BEFORE, "RATE_LIMIT_RPM": "60", "row": "kept"}

        project.flygate("rollback", "local").ok()
        assert {m["id"] for m in project.live()} == before.keys()
        assert shop.inside("app") == {**BEFORE, "row": ""}
        assert shop.inside("db") == {**BEFORE, "row": "kept"}
        project.flygate("forward", "local").ok()
        project.run("make", "up").ok()
    assert load.failures == []

    said = project.flygate("eject", "local").ok().output
    shown = {m["id"]: m for m in project.machines_of(APP)}
    ours = {m["id"]: shown[m["id"]]["config"] for m in project.live()}
    for line in re.findall(r"^  fly (.+?)(?:   \(.*)?$", said, re.MULTILINE):
        words = line.split()
        shop.fly(*(DEPLOY if words[0] == "deploy" else words[:1]), *words[1:])
    project.flygate("eject", "local", "--force", "--unmark").ok()

    after = {m["id"]: m["config"] for m in project.machines_of(APP)}
    assert after.keys() == ours.keys()
    for key, config in after.items():
        assert "flygate_" not in str(config["metadata"])
        assert _meant(config) == _meant(ours[key])
    assert shop.fly("volumes", "list").count("vol_") == 1
    answer = project.exec(APP, database["id"], READ)
    assert '"row": "kept"' in answer["stdout"]


def _group(machine: dict[str, Any]) -> str:
    return str(machine["config"]["metadata"]["fly_process_group"])


def _meant(config: dict[str, Any]) -> dict[str, Any]:
    """A config as a person reads it, without what names the release."""
    env = {key: one for key, one in config["env"].items() if key != "FLYGATE_RELEASE"}
    keys = ("init", "services", "guest", "mounts", "checks", "stop_config", "image")
    return {**{key: config[key] for key in keys if config.get(key)}, "env": env}
