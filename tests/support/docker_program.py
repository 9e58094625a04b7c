"""The `docker` command, for tests."""

import subprocess

from .docker_images import PYTHON, docker_image


def docker(*words: str) -> str:
    """What it prints; it must succeed."""
    process = subprocess.run(
        ["docker", *words], capture_output=True, text=True, check=False, timeout=120
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.strip()


def build_arguments() -> tuple[str, ...]:
    """For a build of the service's image on the base that is to be had here.

    Raises:
        DockerUnavailableError: none is.
    """
    return ("--network", "host", "--build-arg", f"BASE={docker_image(PYTHON)}")
