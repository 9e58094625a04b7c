"""The images that the tests run in Docker: those that `scripts/docker up` gets."""

import gc
import os
import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import docker
from docker.errors import DockerException, ImageNotFound


class DockerUnavailableError(Exception):
    """There is no Docker, or no image in it; says which."""


@dataclass(frozen=True, slots=True)
class Desired:
    """An image under its official name, and under that which scripts/docker gives it.

    Attributes:
        variable: names another one.
    """

    official: str
    made_here: str
    variable: str

    def names(self) -> list[str]:
        """In the order in which they are looked for."""
        chosen = os.environ.get(self.variable)
        return [chosen] if chosen else [self.official, self.made_here]


REDIS: Final = Desired("redis:7", "flygate-test/redis:debian", "FLYGATE_TEST_REDIS_IMAGE")
PYTHON: Final = Desired(
    "python:3.11-slim-bookworm", "flygate-test/python:debian", "FLYGATE_TEST_PYTHON_IMAGE"
)
REGISTRY: Final = Desired(
    "registry:2", "flygate-test/registry:debian", "FLYGATE_TEST_REGISTRY_IMAGE"
)


def docker_image(wanted: Desired) -> str:
    """The image to run, pulled if need be; looked for once.

    Raises:
        DockerUnavailableError: with the reason, and what to do.
    """
    found = _find(wanted)
    if found.image is None:
        raise DockerUnavailableError(found.reason)
    return found.image


def docker_client() -> "docker.DockerClient | None":
    """A client of the Docker that answers; None if none does."""
    try:
        return docker.from_env(timeout=30)
    except DockerException:
        pass
    # It leaves its sockets open then; a test that comes later would be blamed for that.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    return None


@dataclass(frozen=True, slots=True)
class _Found:
    """An image; or None and why."""

    image: str | None
    reason: str = ""


@lru_cache
def _find(wanted: Desired) -> _Found:
    client = docker_client()
    if client is None:
        return _Found(None, "no Docker answers; `scripts/docker up` may start one")
    try:
        names = wanted.names()
        present = [name for name in names if _is_present(client, name)]
        if not present and not _can_pull(client, names[0]):
            what = " or ".join(names)
            return _Found(None, f"Docker has no image {what}; `scripts/docker up` gets one")
        return _Found(present[0] if present else names[0])
    finally:
        client.close()


def _is_present(client: "docker.DockerClient", name: str) -> bool:
    try:
        client.images.get(name)
    except ImageNotFound:
        return False
    return True


def _can_pull(client: "docker.DockerClient", name: str) -> bool:
    try:
        client.images.pull(name)
    except DockerException:
        return False
    return True
