"""A real server that speaks Redis's protocol: to be asked, paused, killed and started again."""

import asyncio
import socket
from abc import ABC, abstractmethod
from typing import Any, ClassVar

from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, RedisError


class RedisServer(ABC):
    """One server on a loopback port of its own; what it holds is lost when it stops."""

    kind: ClassVar[str]

    def __init__(self) -> None:
        """Choose a free port."""
        self.port = free_port()

    @property
    def url(self) -> str:
        """Where it is, or will be."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    @abstractmethod
    def address_for_servers(self) -> tuple[str, int]:
        """Where another server of its kind finds it."""

    async def start(self, *options: str) -> None:
        """Start it, and wait until it answers."""
        await self._run(["--save", "", *options])
        async with asyncio.timeout(20):
            while not await self._answers():  # noqa: ASYNC110 - it is another process
                await asyncio.sleep(0.01)

    @abstractmethod
    def pause(self) -> None:
        """Stop it where it is: connections stay, answers do not come."""

    @abstractmethod
    def resume(self) -> None:
        """Let it go on."""

    @abstractmethod
    async def kill(self) -> None:
        """End it at once."""

    async def command(self, *words: str | int) -> Any:
        """Run one command."""
        async with Redis.from_url(self.url, decode_responses=True) as client:
            return await client.execute_command(*words)  # type: ignore[no-untyped-call]

    @abstractmethod
    async def _run(self, options: list[str]) -> None: ...

    async def _answers(self) -> bool:
        try:
            await self.command("PING")
        except AuthenticationError:
            return True
        except (RedisError, OSError):
            return False
        return True


def free_port() -> int:
    """A port on 127.0.0.1 without a listener."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port
