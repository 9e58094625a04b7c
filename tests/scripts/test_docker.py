"""`scripts/docker`: takes the Docker that answers, starts one only where it may, says why not."""

import os
from pathlib import Path

import pytest

from scripts.toolchain.checkout import Checkout
from scripts.toolchain.console import Console
from scripts.toolchain.docker import engine, images
from scripts.toolchain.docker.deadline import Deadline
from scripts.toolchain.errors import CommandError, DockerMissingError
from tests.scripts.conftest import MakeProgram

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def bare_path(checkout: Checkout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """After `checkout`, which has a PATH of its own: only what a test puts there is on this."""
    folder = tmp_path / "path"
    monkeypatch.setenv("PATH", str(folder))
    for variable in ("DOCKER_HOST", "FLYGATE_TEST_REDIS_IMAGE"):
        monkeypatch.delenv(variable, raising=False)
    return folder


def test_an_engine_that_answers_is_taken(
    checkout: Checkout, console: Console, make_program: MakeProgram, bare_path: Path
) -> None:
    """One that runs is kept: nothing is installed or started."""
    make_program(bare_path / "docker", "echo 28.1")
    make_program(bare_path / "dockerd", "exit 9")

    assert engine.ensure(checkout, console, Deadline(5)).version == "28.1"


@pytest.mark.parametrize(
    ("user", "host", "reason"),
    [
        (1000, None, "only root can start one"),
        (0, None, "there is no apt-get"),
        (0, "tcp://127.0.0.1:1", "nothing answers at DOCKER_HOST=tcp://127.0.0.1:1"),
    ],
)
def test_where_none_can_be_started_the_reason_is_said(
    checkout: Checkout,
    console: Console,
    monkeypatch: pytest.MonkeyPatch,
    user: int,
    host: str | None,
    reason: str,
) -> None:
    """Not root, not Debian, or another host's engine: nothing is tried."""
    monkeypatch.setattr(os, "geteuid", lambda: user)
    if host is not None:
        monkeypatch.setenv("DOCKER_HOST", host)

    with pytest.raises(DockerMissingError, match=reason):
        engine.ensure(checkout, console, Deadline(5))


def test_an_engine_that_dies_is_quoted(
    checkout: Checkout,
    console: Console,
    monkeypatch: pytest.MonkeyPatch,
    make_program: MakeProgram,
    bare_path: Path,
    tmp_path: Path,
) -> None:
    """An engine that ends at once ends the wait, with its last words."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(engine, "_RUN", tmp_path / "run")
    make_program(bare_path / "docker", "exit 1")
    make_program(bare_path / "dockerd", "echo no cgroups here; exit 3")

    with pytest.raises(CommandError, match="no cgroups here"):
        engine.ensure(checkout, console, Deadline(20))


def test_the_image_that_is_there_is_taken(
    checkout: Checkout, console: Console, make_program: MakeProgram, bare_path: Path
) -> None:
    """The official image comes first; one that is present is not pulled."""
    make_program(bare_path / "docker", '[ "$1" = image ]')

    assert images.ensure(images.REDIS, console, Deadline(5)) == "redis:7"


def test_a_chosen_image_is_not_replaced(
    checkout: Checkout,
    console: Console,
    monkeypatch: pytest.MonkeyPatch,
    make_program: MakeProgram,
    bare_path: Path,
) -> None:
    """Who names an image gets that one or a reason, never another."""
    monkeypatch.setenv("FLYGATE_TEST_REDIS_IMAGE", "redis:99")
    make_program(bare_path / "docker", 'echo "no such host" >&2; exit 1')
    make_program(bare_path / "apt-get", "exit 9")

    with pytest.raises(DockerMissingError, match="redis:99 can't be pulled: no such host"):
        images.ensure(images.REDIS, console, Deadline(5))
