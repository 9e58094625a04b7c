"""The same in a container, where a Docker answers: what people deploy, not what we embed."""

import asyncio
import gc
import os
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import docker
from docker.errors import DockerException, ImageNotFound
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from .redis_server import RedisServer

_CHOSEN: Final = os.environ.get("FLYGATE_TEST_REDIS_IMAGE")
# The second one is made by scripts/docker, where no registry answers.
_IMAGES: Final = [_CHOSEN] if _CHOSEN else ["redis:7", "flygate-test/redis:debian"]
_LABEL: Final = "flygate.test.pid"

# Its reaper is an image, too, and cannot be had everywhere: `_sweep` does its work.
testcontainers_config.ryuk_disabled = True


class DockerUnavailable(Exception):
    """There is no Docker, or no image in it; says which."""


def redis_image() -> str:
    """The image to run, pulled if need be; looked for once.

    Raises:
        DockerUnavailable: with the reason, and what to do.
    """
    found = _find()
    if found.image is None:
        raise DockerUnavailable(found.reason)
    return found.image


class RedisContainer(RedisServer):
    """One server in a container of its own."""

    kind = "container"

    def __init__(self) -> None:
        """Nothing runs yet."""
        super().__init__()
        self._container: Any = None

    @property
    def address_for_servers(self) -> tuple[str, int]:
        """Where another container finds it."""
        wrapped = self._container.get_wrapped_container()
        wrapped.reload()
        networks = wrapped.attrs["NetworkSettings"]["Networks"]
        return next(iter(networks.values()))["IPAddress"], 6379

    def pause(self) -> None:
        """Freeze all its processes."""
        self._container.get_wrapped_container().pause()

    def resume(self) -> None:
        """Let them go on."""
        self._container.get_wrapped_container().unpause()

    async def kill(self) -> None:
        """End it with SIGKILL, and remove all traces of it."""
        if self._container is not None:
            container, self._container = self._container, None
            await asyncio.to_thread(container.stop)

    async def _run(self, options: list[str]) -> None:
        command = ["redis-server", "--protected-mode", "no", *options]
        container = DockerContainer(redis_image(), labels={_LABEL: str(os.getpid())})
        self._container = container.with_command(command)
        container.ports["6379/tcp"] = ("127.0.0.1", self.port)  # type: ignore[assignment]
        await asyncio.to_thread(container.start)


@dataclass(frozen=True, slots=True)
class _Found:
    """An image; or None and why."""

    image: str | None
    reason: str = ""


@lru_cache(maxsize=1)
def _find() -> _Found:
    client = _client()
    if client is None:
        return _Found(None, "no Docker answers; `scripts/docker up` may start one")
    try:
        _sweep(client)
        present = [name for name in _IMAGES if _is_present(client, name)]
        if not present and not _can_pull(client, _IMAGES[0]):
            names = " or ".join(_IMAGES)
            return _Found(None, f"Docker has no image {names}; `scripts/docker up` gets one")
        return _Found(present[0] if present else _IMAGES[0])
    finally:
        client.close()


def _client() -> "docker.DockerClient | None":
    try:
        return docker.from_env(timeout=30)
    except DockerException:
        pass
    # It leaves its sockets open then; a test that comes later would be blamed for that.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    return None


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


def _sweep(client: "docker.DockerClient") -> None:
    """Remove what earlier runs left that were killed."""
    for container in client.containers.list(all=True, filters={"label": _LABEL}):
        if not Path("/proc", container.labels[_LABEL]).exists():
            container.remove(force=True)
