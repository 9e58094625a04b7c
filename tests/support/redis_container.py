"""The same in a container, where a Docker answers: what people deploy, not what we embed."""

import asyncio
import os
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import docker
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from .docker_images import REDIS, DockerUnavailableError, docker_client, docker_image
from .redis_server import RedisServer

__all__ = ["DockerUnavailableError", "RedisContainer", "redis_image"]

_LABEL: Final = "flygate.test.pid"

# Its reaper is an image, too, and cannot be had everywhere: `_sweep` does its work.
testcontainers_config.ryuk_disabled = True


@lru_cache(maxsize=1)
def redis_image() -> str:
    """The image to run; what earlier runs left of it is removed.

    Raises:
        DockerUnavailableError: with the reason, and what to do.
    """
    image = docker_image(REDIS)
    client = docker_client()
    if client is not None:
        _sweep(client)
        client.close()
    return image


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


def _sweep(client: "docker.DockerClient") -> None:
    """Remove what earlier runs left that were killed."""
    for container in client.containers.list(all=True, filters={"label": _LABEL}):
        if not Path("/proc", container.labels[_LABEL]).exists():
            container.remove(force=True)
