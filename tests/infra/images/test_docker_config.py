"""The configuration for one push: the user's own, with our key, and no secret on the disk."""

from __future__ import annotations

import json
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from flygate.images.docker_config import docker_config
from flygate.images.registry import Registry

REGISTRY = Registry("registry.fly.io", 'fm2_canary-77ab"%s\\')


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A user's own configuration."""
    folder = tmp_path / ".docker"
    (folder / "contexts").mkdir(parents=True)
    (folder / "contexts" / "desktop").write_text("where the engine is")
    settings = {
        "auths": {"registry.fly.io": {"auth": "former"}},
        "credsStore": "desktop",
        "currentContext": "desktop",
    }
    (folder / "config.json").write_text(json.dumps(settings))
    return folder


def test_docker_is_given_the_token_by_a_helper(own: Path) -> None:
    """As Docker asks for it: `get` on the command line, the registry on standard input."""
    environment = {"DOCKER_CONFIG": str(own), "PATH": "/usr/bin:/bin"}
    with docker_config(REGISTRY, environment) as given:
        settings = json.loads(Path(given["DOCKER_CONFIG"], "config.json").read_text())
        helper = settings["credHelpers"]["registry.fly.io"]
        answer = subprocess.run(
            ["/usr/bin/env", f"docker-credential-{helper}", "get"],
            env=given,
            input="registry.fly.io",
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    assert json.loads(answer) == {
        "ServerURL": "registry.fly.io",
        "Username": "x",
        "Secret": REGISTRY.password,
    }


def test_nothing_secret_is_on_the_disk_and_nothing_is_left(own: Path) -> None:
    """Also if it is interrupted; only we may read the folder."""
    before = (own / "config.json").read_text()
    with (
        suppress(KeyboardInterrupt),
        docker_config(REGISTRY, {"DOCKER_CONFIG": str(own)}) as given,
    ):
        folder = Path(given["DOCKER_CONFIG"])
        assert folder.stat().st_mode & 0o777 == 0o700
        written = "".join(p.read_text() for p in folder.rglob("*") if p.is_file())
        assert "canary" not in written
        raise KeyboardInterrupt

    assert not folder.exists()
    assert (own / "config.json").read_text() == before


def test_the_engine_stays_the_users(own: Path) -> None:
    """The context says where it is; logins and keychains of the user's are not used."""
    with docker_config(REGISTRY, {"DOCKER_CONFIG": str(own)}) as given:
        folder = Path(given["DOCKER_CONFIG"])
        settings = json.loads((folder / "config.json").read_text())
        assert (folder / "contexts" / "desktop").read_text() == "where the engine is"

    assert settings["currentContext"] == "desktop"
    assert "auths" not in settings
    assert "credsStore" not in settings


def test_who_has_no_configuration_gets_one(tmp_path: Path) -> None:
    """Docker makes its own only at the first login."""
    with docker_config(REGISTRY, {"DOCKER_CONFIG": str(tmp_path / "none")}) as given:
        assert "registry.fly.io" in Path(given["DOCKER_CONFIG"], "config.json").read_text()
