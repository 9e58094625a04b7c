"""Docker and flyctl as they are called, and what is said of their failures.

Programs that only note how they were called stand in for them: what a builder on Fly does can't be
had here, and a Docker that fails in a given way neither. The real Docker is in tests/e2e.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from flygate.images.builder import Builder, BuildRequest
from flygate.images.docker import Docker
from flygate.images.flyctl import Flyctl
from flygate.images.registry import Registry
from flygate.images.revision import Revision
from flygate.system.errors import ImageError

FLYCTL = os.environ.get("FLYCTL") or shutil.which("flyctl") or shutil.which("fly")
DIGEST = f"sha256:{'7' * 64}"
TOKEN = "fm2_canary-77ab"
REGISTRY = Registry("registry.fly.io", TOKEN)
ORDER = BuildRequest(
    "shop",
    "registry.fly.io/shop:1f00aa112233",
    Revision("1f00aa112233", 1_000_000_000, is_dirty=False),
    extra=("--build-arg", "BASE=python:3.12-slim"),
)

MakeProgram = Callable[[str, str], None]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A PATH with nothing on it but a shell."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "sh").symlink_to(shutil.which("sh") or "/bin/sh")
    return {"PATH": str(folder), "HOME": str(tmp_path), "CALLS": str(tmp_path / "calls")}


@pytest.fixture
def program(environment: dict[str, str]) -> MakeProgram:
    """Makes a program that notes its arguments, then does a line of shell."""

    def make(name: str, script: str) -> None:
        path = Path(environment["PATH"], name)
        path.write_text(f'#!/bin/sh\necho "{name} $*" >> "$CALLS"\n{script}\n')
        path.chmod(0o755)

    return make


def calls(environment: dict[str, str]) -> list[str]:
    return Path(environment["CALLS"]).read_text().splitlines()


def test_buildkit_is_used_where_it_is_there(
    environment: dict[str, str], program: MakeProgram, tmp_path: Path
) -> None:
    """Dated by the commit, and without an attestation, which would have the time of the build."""
    program("docker", "exit 0")

    docker = Docker(environment)
    docker.build(ORDER, tmp_path)

    assert docker.name == "docker buildx"
    assert calls(environment)[-1] == (
        "docker buildx build --load --provenance=false --progress=plain --platform linux/amd64 "
        "--tag registry.fly.io/shop:1f00aa112233 --build-arg SOURCE_DATE_EPOCH=1000000000 "
        "--label org.opencontainers.image.revision=1f00aa112233 "
        "--build-arg BASE=python:3.12-slim ."
    )


def test_without_buildx_the_classic_builder_is_asked_for(
    environment: dict[str, str], program: MakeProgram, tmp_path: Path
) -> None:
    """By name: a newer docker would refuse without its plugin."""
    program("docker", '[ "$1" = buildx ] && exit 1; echo "buildkit: $DOCKER_BUILDKIT" >> "$CALLS"')

    Docker(environment).build(ORDER, tmp_path)

    assert calls(environment)[-2].startswith("docker build --platform linux/amd64 --tag ")
    assert calls(environment)[-1] == "buildkit: 0"


def test_a_push_gives_the_digest_and_no_argument_the_token(
    environment: dict[str, str], program: MakeProgram
) -> None:
    """The digest that the registry reports is set."""
    program("docker", f"echo '1f00: digest: {DIGEST} size: 951'")

    assert Docker(environment, REGISTRY).push(ORDER) == DIGEST
    assert calls(environment) == [f"docker push {ORDER.name}"]


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("unauthorized: authentication required", "must be allowed to deploy shop"),
        ("denied: requested access to the resource is denied", "fly tokens create deploy"),
        ("name unknown: app repository not found", "no repository shop"),
        ("dial tcp: i/o timeout", "not pushed to registry.fly.io: dial tcp: i/o timeout"),
    ],
)
def test_a_push_that_is_refused_says_what_to_do(
    environment: dict[str, str], program: MakeProgram, said: str, advice: str
) -> None:
    """In the registry's words, with the remedy."""
    program("docker", f"echo '{said}' >&2; exit 1")

    with pytest.raises(ImageError, match=advice) as caught:
        Docker(environment, REGISTRY).push(ORDER)

    assert said in str(caught.value)


def test_a_push_without_a_digest_is_a_failure(
    environment: dict[str, str], program: MakeProgram
) -> None:
    """Nothing is set that was not seen."""
    program("docker", "echo done")

    with pytest.raises(ImageError, match="was not pushed"):
        Docker(environment, REGISTRY).push(ORDER)


@pytest.mark.parametrize(
    ("builder", "advice"),
    [(Docker, "Install Docker; or build on Fly with --remote"), (Flyctl, "Install flyctl")],
)
def test_what_is_not_installed_is_named(
    environment: dict[str, str], builder: Callable[..., Builder], advice: str
) -> None:
    """With the other way to get there."""
    with pytest.raises(ImageError, match=advice):
        builder(environment, REGISTRY).check()


def test_an_engine_that_does_not_answer_is_quoted(
    environment: dict[str, str], program: MakeProgram
) -> None:
    """The client is there, and nothing behind it."""
    program("docker", "echo 'Cannot connect to the Docker daemon' >&2; exit 1")

    with pytest.raises(ImageError, match="does not answer: Cannot connect to the Docker daemon"):
        Docker(environment).check()


def test_a_build_that_fails_is_not_pushed(
    environment: dict[str, str], program: MakeProgram, tmp_path: Path
) -> None:
    """The last words say why."""
    program("docker", '[ "$2" = build ] || exit 0; echo "no such stage"; exit 1')

    with pytest.raises(ImageError, match="was not built: no such stage"):
        Docker(environment).build(ORDER, tmp_path)


def test_fly_builds_and_deploys_nothing(
    environment: dict[str, str], program: MakeProgram, tmp_path: Path
) -> None:
    """flyctl reads the app from a file made for it, so it asks Fly for none."""
    program("fly", 'while read -r line; do echo "$line"; done < fly.toml >> "$CALLS"')

    Flyctl(environment, REGISTRY).build(ORDER, tmp_path)

    assert calls(environment) == [
        "fly deploy --build-only --push --remote-only --app shop --dockerfile Dockerfile "
        "--image-label 1f00aa112233 --build-arg SOURCE_DATE_EPOCH=1000000000 "
        "--label org.opencontainers.image.revision=1f00aa112233 "
        "--build-arg BASE=python:3.12-slim",
        'app = "shop"',
    ]


def test_a_build_on_fly_that_fails_is_quoted(
    environment: dict[str, str], program: MakeProgram, tmp_path: Path
) -> None:
    """It is no refused push, whatever numbers are in it."""
    program("fly", "echo 'Error: ensure depot builder failed (status 404): not found' >&2; exit 1")

    with pytest.raises(ImageError, match="did not build the image: Error: ensure depot builder"):
        Flyctl(environment, REGISTRY).build(ORDER, tmp_path)


@pytest.mark.integration
@pytest.mark.skipif(FLYCTL is None, reason="no flyctl is installed")
def test_the_real_flyctl_knows_our_options(
    environment: dict[str, str], program: MakeProgram, tmp_path: Path
) -> None:
    """All that it is called with is in its own help."""
    program("fly", "exit 0")
    Flyctl(environment, REGISTRY).build(ORDER, tmp_path)
    options = {word for word in calls(environment)[0].split() if word.startswith("--")}

    help_ = subprocess.run(
        [str(FLYCTL), "deploy", "--help"],
        env={"HOME": str(tmp_path), "FLY_NO_UPDATE_CHECK": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert options <= set(re.findall(r"--[\w-]+", help_))


def test_fly_builds_for_its_own_platform_only(
    environment: dict[str, str], program: MakeProgram, tmp_path: Path
) -> None:
    """Rather than something else than was asked for."""
    program("fly", "exit 0")
    other = BuildRequest("shop", ORDER.name, ORDER.revision, "linux/arm64")

    with pytest.raises(ImageError, match="linux/amd64 only"):
        Flyctl(environment, REGISTRY).build(other, tmp_path)


OWN = ("FLY_API_TOKEN", "FLY_ACCESS_TOKEN", "FLYGATE_SECRETS", "PULUMI_ACCESS_TOKEN")


@pytest.mark.parametrize(
    ("builder", "name", "given"),
    [
        (lambda environment: Docker(environment, REGISTRY), "docker", []),
        (lambda environment: Flyctl(environment, REGISTRY), "fly", list(OWN[:2])),
    ],
    ids=["docker", "flyctl"],
)
def test_a_builder_gets_no_more_than_it_needs(
    builder: Callable[[dict[str, str]], Builder],
    name: str,
    given: list[str],
    environment: dict[str, str],
    program: MakeProgram,
    tmp_path: Path,
) -> None:
    """A Dockerfile, a plugin or a builder elsewhere can read what the program has."""
    said = tmp_path / "said"
    program(name, f"set >> {said}")
    own = {one: f"canary-{one}" for one in OWN}

    built = builder({**environment, **own})
    built.check()
    built.build(ORDER, tmp_path)

    seen = said.read_text()
    assert [one for one in OWN if f"canary-{one}" in seen] == given
