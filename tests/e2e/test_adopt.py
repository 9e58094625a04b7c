"""An app that `fly deploy` made becomes a stack's, while clients ask it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from flygate.fly.client import FlyClient
from flygate.fly.endpoints import Endpoints
from flygate.flytoml import FlyToml, machine_config
from flygate.images import packed_image

from tests.e2e.installation import installed
from tests.e2e.load import Load
from tests.e2e.project import Project, open_web

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

APP = "flygate-local"


@pytest.fixture
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Project, str]]:
    """Two machines as flyctl makes them, a secret and a worker; and the app's address."""
    project = installed(tmp_path_factory.mktemp("adopt") / "shop", tmp_path_factory)
    project.edit("fly.toml", "[http_service]\n", '[http_service]\nprocesses = ["app"]\n')
    project.append("fly.toml", GROUPS)
    try:
        project.flygate(*Project.LOCAL_FLY).ok()
        yield project, asyncio.run(_deploy(project))
    finally:
        project.flygate("local", "down")


GROUPS = """
[processes]
app = "python -m flygate_service"
worker = "sleep 1000000"

[[vm]]
processes = ["worker"]
memory = "512mb"
"""


async def _deploy(project: Project) -> str:
    url = project.local_fly()
    async with FlyClient(Endpoints(url, url, project._token)) as fly:
        await fly.create_app(APP, "personal")
        for kind in ("v6", "shared_v4"):
            await fly.allocate_ip(APP, kind)
        await fly.set_secrets(APP, {"API_TOKEN": "of-the-former-days"})
        packed = packed_image.pack(project.path, ["service", "wire"])
        await fly.push_image(packed.digest, packed.archive)
        file = FlyToml.read(project.path / "fly.toml")
        for view, number in zip((*file.groups, file.groups[0]), ("1", "2", "3"), strict=True):
            await fly.create_machine(APP, _request(view, packed.reference(APP), number))
        for machine in await fly.machines(APP):
            await fly.wait(APP, machine.id, "started", 30)
        return await fly.app_url(APP)


def _request(view: FlyToml, image: str, number: str) -> dict[str, Any]:
    config = machine_config(view)
    config["env"] = {**config["env"], "GREETING": "from flyctl", "RATE_LIMIT_MODE": "off"}
    config["guest"] = {"cpu_kind": "shared", "cpus": 1, "memory_mb": 512}
    metadata = {
        "fly_platform_version": "v2",
        "fly_process_group": view.group,
        "fly_flyctl_version": "0.3.200",
        "number": number,
    }
    config |= {"image": image, "metadata": metadata}
    return {"name": f"machine-{number}", "region": "iad", "config": config}


def test_what_runs_becomes_the_first_release(deployed: tuple[Project, str]) -> None:
    """Nothing shrinks or restarts, no request fails, and the way back leads to what flyctl made."""
    project, url = deployed
    before = {m["id"]: m["instance_id"] for m in project.machines_of(APP)}

    dry = project.flygate("adopt", "local", "--dry-run").ok().output
    assert "Nothing" not in dry
    assert "secrets: API_TOKEN keep the values that Fly has" in dry
    assert 'env.GREETING: "from flyctl"' in dry
    assert "flygate_release" not in json.dumps(project.machines_of(APP))
    refused = project.flygate("adopt", "local")
    assert (refused.code, "`--yes` does not ask" in refused.output) == (1, True)

    with Load(lambda: open_web(url)) as load:
        project.flygate("adopt", "local", "--yes").ok()
        assert {m["id"]: m["instance_id"] for m in project.machines_of(APP)} == before
        project.flygate("adopt", "local", "--yes").ok()  # once more is fine
        plan = project.flygate("plan", "local").ok().output
        assert "v1 → v2" in plan
        project.run("make", "up").ok()

        live = project.live()
        assert sorted((m["group"], m["release"]) for m in live) == [
            ("app", 2),
            ("app", 2),
            ("worker", 2),
        ]
        assert not before.keys() & {m["id"] for m in live}
        assert _inside(project) == {"GREETING": "", "API_TOKEN": "of-the-former-days"}

        project.flygate("rollback", "local").ok()
        assert {m["id"] for m in project.live()} == before.keys()
        found = _inside(project)
        assert found == {"GREETING": "from flyctl", "API_TOKEN": "of-the-former-days"}
        project.flygate("forward", "local").ok()
    assert load.failures == []
    assert load.served > 50


def _inside(project: Project) -> dict[str, Any]:
    names = ["GREETING", "API_TOKEN"]
    script = f"import json, os; print(json.dumps({{n: os.environ.get(n, '') for n in {names}}}))"
    machine = next(m for m in project.live() if m["group"] == "app")
    return project.inside(machine["id"], script)


def test_fly_deploy_goes_on_from_what_runs(deployed: tuple[Project, str]) -> None:
    """The file that `eject` writes means the same machines; the marks go last."""
    project, _ = deployed
    project.flygate("adopt", "local", "--yes").ok()
    project.run("make", "up").ok()
    project.flygate("doctor", "local")

    said = project.flygate("eject", "local").ok().output
    file = FlyToml.read(project.path / "fly.local.toml")
    assert "fly deploy --config fly.local.toml --image registry.fly.io/flygate-local@" in said
    assert "fly machine destroy" in said  # what was replaced rests still
    live = {m["id"]: m["group"] for m in project.live()}
    for machine in project.machines_of(APP):
        if machine["id"] in live:
            (view,) = [one for one in file.groups if one.group == live[machine["id"]]]
            wanted = machine_config(view)
            found = {key: machine["config"].get(key) for key in wanted}
            wanted["env"] = {**wanted["env"], "FLYGATE_RELEASE": "v2"}
            assert found == wanted

    again = project.flygate("eject", "local")
    assert (again.code, "`--force` overwrites it" in again.output) == (1, True)
    project.flygate("eject", "local", "--force", "--unmark").ok()
    assert "flygate_" not in json.dumps([m["config"]["metadata"] for m in project.machines_of(APP)])
