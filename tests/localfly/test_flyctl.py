"""The real flyctl against the local Fly, where one is installed (or FLYCTL names it)."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from localfly.daemon.local_fly import LocalFly

from tests.support.flyctl import DEPLOY, FLYCTL, Flyctl

pytestmark = pytest.mark.integration

TOML = """
app = "shop"
primary_region = "iad"
kill_timeout = "5s"

[http_service]
internal_port = 8080
auto_stop_machines = "off"
min_machines_running = 1

[[http_service.checks]]
path = "/health"
interval = "2s"
timeout = "2s"
"""
DEPLOYED = (*DEPLOY, "--image")


@pytest.fixture
async def fly(tmp_path: Path) -> AsyncIterator[Flyctl]:
    """flyctl, with an app that is not deployed yet."""
    if FLYCTL is None:
        pytest.skip("no flyctl here; set FLYCTL to its program")
    folder = tmp_path / "project"
    (folder / "config").mkdir(parents=True)
    (folder / "fly.toml").write_text(TOML)
    async with LocalFly(tmp_path / "state") as local:
        assert local.api_url.startswith("http://127.0.0.1:")
        flyctl = Flyctl(FLYCTL, folder, folder, local.api_url)
        await flyctl.run("apps", "create", "shop", "--org", "personal")
        yield flyctl


async def test_a_deployed_app_is_shown_by_every_command(fly: Flyctl) -> None:
    """Status, machines, releases, secrets, scale, addresses, checks, config, logs."""
    await fly.run("secrets", "set", "WORD=canary-3f1", "--stage")
    await fly.run(*DEPLOYED, "nginx:1.25", "--ha=false")
    listed = await fly.run("machine", "list", "--quiet")
    (machine,) = re.findall(r"\b[0-9a-f]{14}\b", listed)
    for words, expected in (
        (("apps", "list"), "deployed"),
        (("status",), "1 total, 1 passing"),
        (("machine", "status", machine), "library/nginx:1.25"),
        (("releases",), "complete"),
        (("secrets", "list"), "Deployed"),
        (("scale", "show"), "256 MB"),
        (("ips", "list"), "public ingress (shared)"),
        (("checks", "list"), "servicecheck-00-http-8080"),
        (("config", "show"), '"internal_port": 8080'),
        (("logs", "--no-tail"), "a placeholder answers on ports [8080]"),
    ):
        text = await fly.run(*words)
        assert expected in text, words
        assert "canary-3f1" not in text


@pytest.mark.parametrize("strategy", ["canary", "rolling", "immediate"])
async def test_a_second_release_is_deployed(fly: Flyctl, strategy: str) -> None:
    """By each strategy but bluegreen, whose fixed waits take half a minute."""
    await fly.run(*DEPLOYED, "nginx:1.25", "--ha=false")
    await fly.run(*DEPLOYED, "nginx:1.26", "--strategy", strategy)
    assert "library/nginx:1.26" in await fly.run("status")
    assert re.findall(r"v\d", await fly.run("releases")) == ["v2", "v1"]


async def test_machines_obey(fly: Flyctl) -> None:
    """Stop, start, restart, cordon, update, exec, clone, destroy."""
    await fly.run(*DEPLOYED, "nginx:1.25", "--ha=false")
    (machine,) = re.findall(r"\b[0-9a-f]{14}\b", await fly.run("machine", "list", "--quiet"))
    for verb in ("stop", "start", "suspend", "start", "restart", "cordon", "uncordon"):
        await fly.run("machine", verb, machine)
    await fly.run("machine", "update", machine, "--env", "Z=1", "--yes")
    assert "placeholder.py" in await fly.run("machine", "exec", machine, "ls")
    await fly.run("machine", "clone", machine)
    await fly.run("scale", "count", "3", "--yes")
    await fly.run("machine", "destroy", machine, "--force")
    assert len(set(re.findall(r"\b[0-9a-f]{14}\b", await fly.run("machine", "list", "-q")))) == 2


async def test_a_redis_database_comes_and_goes(fly: Flyctl) -> None:
    """Created, listed, described, destroyed."""
    asked = ("--region", "iad", "--no-replicas", "--disable-eviction", "--enable-prodpack=false")
    made = await fly.run("redis", "create", "--name", "cache", "--org", "personal", *asked)
    assert "redis://default:" in made
    assert "Pay-as-you-go" in await fly.run("redis", "list")
    assert "redis://default:" in await fly.run("redis", "status", "cache")
    await fly.run("redis", "destroy", "cache", "--yes")
    assert "cache" not in await fly.run("redis", "list")
