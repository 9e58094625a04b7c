"""Staging builds, prod promotes: a container image on its whole way, where a Docker answers."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from flygate.config.source import SERVICE
from flygate.images.registry import Registry
from localfly.daemon.control import DaemonControl
from localfly.daemon.info import DaemonInfo
from localfly.daemon.options import DOCKER, Options

from tests.e2e.conftest import Newcomer
from tests.e2e.project import Project, Run
from tests.support.docker_images import REGISTRY, DockerUnavailableError, docker_image
from tests.support.docker_program import build_arguments, docker

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

TOKEN = "fm2_canary-5cf1"
FOREIGN = "fm2_another-users"  # Fly knows it, the registry does not
# Its bcrypt hash, as the registry wants it.
HTPASSWD = "x:$2b$04$ad6mMo0m6GZOE5FsUxDNzOTCcx8lYAh0uASLYJnWaMB/jz8Qaotki\n"
STAGING = """\
config:
  flygate:app: shop-staging
  flygate:rollout: {wait: 40s, drain: 0s}
"""
PROD = """\
config:
  flygate:app: shop-prod
  flygate:rollout: {wait: 40s, drain: 0s}
  flygate:promotion: {from: staging, soak: 1h}
"""


@dataclass
class Shop:
    """Two stacks of a git checkout, a local Fly whose machines are containers, a registry."""

    project: Project
    fly: DaemonInfo
    registry: str
    arguments: tuple[str, ...]
    outputs: list[str] = field(default_factory=list)

    def flygate(self, *words: str, token: str = TOKEN) -> Run:
        """The command, as in a shell in which Fly and the registry are set."""
        variables = {
            "FLY_API_BASE_URL": self.fly.api_url,
            "FLY_FLAPS_BASE_URL": self.fly.api_url,
            "FLY_API_TOKEN": f"FlyV1 {token}",
            "FLY_REGISTRY_HOST": self.registry,
        }
        run = self.project.run("./flygate", *words, extra=variables)
        self.outputs.append(run.output)
        return run

    def build(self, *words: str, **options: Any) -> Run:
        return self.flygate("image", "build", *words, "--", *self.arguments, **options)

    def git(self, *words: str) -> str:
        identity = ("-c", "user.name=test", "-c", "user.email=test@example.com")
        return self.project.run("git", *identity, *words).ok().output.strip()

    def config(self, stack: str, key: str) -> str:
        return self.project.pulumi("config", "get", key, "--stack", stack).ok().output.strip()

    def running(self, app: str) -> list[str]:
        """What Docker says that an app's machines run: images by their names."""
        url = f"{self.fly.api_url}/v1/apps/{app}/machines"
        headers = {"Authorization": f"Bearer {TOKEN}"}
        found = []
        for machine in httpx.get(url, headers=headers, trust_env=False).json():
            containers = docker("ps", "-q", "--filter", f"label=flygate.machine={machine['id']}")
            for container in containers.split():
                image = json.loads(docker("inspect", container))[0]["Image"]
                found += json.loads(docker("image", "inspect", image))[0]["RepoDigests"]
        return found


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real one, which wants the token as a password."""
    try:
        image = docker_image(REGISTRY)
    except DockerUnavailableError as exc:
        pytest.skip(str(exc))
    users = tmp_path_factory.mktemp("registry") / "htpasswd"
    users.write_text(HTPASSWD)
    settings = {"": "htpasswd", "_HTPASSWD_REALM": "shop", "_HTPASSWD_PATH": "/htpasswd"}
    environment = [
        word for key, value in settings.items() for word in ("--env", f"REGISTRY_AUTH{key}={value}")
    ]
    mount = ("--volume", f"{users}:/htpasswd:ro")
    published = ("--publish", "127.0.0.1::5000")
    container = docker("run", "--detach", *published, *mount, *environment, image)
    try:
        address = docker("port", container, "5000/tcp").partition("\n")[0]
        _wait_for(f"http://{address}/v2/")
        yield address
    finally:
        docker("rm", "--force", "--volumes", container)


@pytest.fixture(scope="module")
def shop(
    newcomer: Newcomer, registry: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    """The checkout of a user who is about to deploy it for the first time."""
    project = newcomer.project
    project.reset()
    control = DaemonControl(tmp_path_factory.mktemp("fly"))
    stacks = {"staging": STAGING, "prod": PROD}
    for name, text in stacks.items():
        project.remember(f"Pulumi.{name}.yaml")
        (project.path / f"Pulumi.{name}.yaml").write_text(text)
        project.pulumi("stack", "init", "--no-select", name).ok()
    options = Options(runtime=DOCKER, tokens=(TOKEN, FOREIGN))
    shop = Shop(project, control.up(0, 0, options).info, registry, ())
    try:
        shop.arguments = build_arguments()
        shop.git("init", "--quiet")
        shop.git("add", "Dockerfile", "requirements", *SERVICE)
        shop.git("commit", "--quiet", "--message", "All that an image is made of")
        yield shop
    finally:
        control.down()
        for name in stacks:
            project.pulumi("stack", "rm", "--yes", "--force", "--preserve-config", name)
            project.restore(f"Pulumi.{name}.yaml")
        shutil.rmtree(project.path / ".git", ignore_errors=True)
        built = docker(
            "image", "ls", "--quiet", "--no-trunc", "--filter", f"reference={registry}/*"
        )
        for image in set(built.split()):
            docker("image", "rm", "--force", image)


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            if httpx.get(url, trust_env=False).status_code == 401:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"{url} never answered")


def test_staging_builds_and_prod_runs_the_same_image(shop: Shop) -> None:
    """By digest, from the commit to the containers of both; the token is nowhere to be seen."""
    assert "no app shop-staging yet" in shop.build("staging", "--push").output

    built = shop.build("staging", "--push", "--create-app", "--json").ok()
    reported = json.loads(built.output.splitlines()[-1])
    commit = shop.git("rev-parse", "HEAD")[:12]
    image = shop.config("staging", "image")
    digest = Registry(shop.registry, TOKEN).digest("shop-staging", commit)
    assert image == reported["image"] == f"{shop.registry}/shop-staging@{digest}"
    assert (reported["commit"], reported["dirty"]) == (commit, False)

    shop.flygate("up", "staging").ok()
    assert shop.running("shop-staging") == [image]

    refused = shop.build("prod", "--push")
    assert refused.code == 1
    assert "runs what staging proved" in refused.output
    shop.flygate("promote", "prod", "--override", "the first one").ok()
    assert shop.running("shop-prod") == [image]

    assert TOKEN not in "".join(shop.outputs)
    assert not any(Path("/tmp").glob("flygate-docker-*"))  # noqa: S108


def test_what_is_refused_leaves_the_configuration_alone(shop: Shop) -> None:
    """A token without rights; sources that no commit describes, until they are to go as such."""
    shop.build("staging", "--push", "--create-app").ok()
    image = shop.config("staging", "image")
    shop.project.append("service/flygate_service/routes/api.py", "# not committed")

    dirty = shop.build("staging", "--push")
    assert dirty.code == 1
    assert "it could not be built again" in dirty.output
    foreign = shop.build("staging", "--push", "--allow-dirty", token=FOREIGN)
    assert foreign.code == 1
    assert "The token must be allowed to deploy shop-staging" in foreign.output
    assert shop.config("staging", "image") == image

    shop.build("staging", "--push", "--allow-dirty").ok()
    tag = f"{shop.git('rev-parse', 'HEAD')[:12]}-dirty"
    digest = Registry(shop.registry, TOKEN).digest("shop-staging", tag)
    assert shop.config("staging", "image") == f"{shop.registry}/shop-staging@{digest}" != image
