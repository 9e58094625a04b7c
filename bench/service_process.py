"""The service as a process of the size of a Fly machine, to be loaded and looked at."""

import asyncio
import os
import socket
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.cpu_quota import cpu_quota

HOST: Final = "127.0.0.1"
_ROOT: Final = Path(__file__).resolve().parents[1]
_MIB: Final = 1_048_576
# What the kernel of a machine of 256 MB leaves: the memory file systems of one, which are half of
# the memory's size, show 109 MiB each (community.fly.io/t/17825).
_KERNEL_MIB: Final = 38


@dataclass(frozen=True, slots=True)
class Guest:
    """A size, and how long it may run in each of Fly's periods.

    Attributes:
        milliseconds: None for as long as it likes.
    """

    name: str
    memory_mb: int
    milliseconds: int | None = None

    @property
    def usable_mib(self) -> int:
        """What the kernel leaves."""
        return self.memory_mb - _KERNEL_MIB


@dataclass(frozen=True, slots=True)
class Server:
    """A running service."""

    pid: int
    port: int
    metrics_port: int

    @property
    def resident_mib(self) -> float:
        """What it holds now."""
        return self._status("VmRSS")

    @property
    def peak_mib(self) -> float:
        """The most that it held since it was last forgotten."""
        return self._status("VmHWM")

    def forget_peak(self) -> None:
        """Begin to measure the peak anew."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def processor_seconds(self) -> float:
        """The processor time of all its threads so far."""
        seconds = 0.0
        for thread in Path(f"/proc/{self.pid}/task").iterdir():
            with suppress(OSError):  # it has ended
                # In nanoseconds, where /proc/PID/stat counts in hundredths of a second.
                seconds += int((thread / "schedstat").read_text().split()[0]) / 1e9
        return seconds

    async def metric(self, name: str) -> float:
        """The value of a metric without labels."""
        url = f"http://{HOST}:{self.metrics_port}/metrics"
        with await asyncio.to_thread(urllib.request.urlopen, url) as answer:
            lines = answer.read().decode().splitlines()
        [line] = [line for line in lines if line.startswith(f"{name} ")]
        return float(line.split()[1])

    def _status(self, field: str) -> float:
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * 1_024 / _MIB
        raise RuntimeError(f"this system does not tell {field} of a process")


@asynccontextmanager
async def service(guest: Guest, **environment: str) -> AsyncIterator[Server]:
    """A service on a machine of that size, from when it serves until the context ends.

    Raises:
        NoQuotaError: its processor time can't be limited here.
    """
    port, metrics_port = _free_port(), _free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-P", "-m", "flygate_service"),
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join((str(_ROOT / "service"), str(_ROOT / "wire"))),
            "HOST": HOST,
            "PORT": str(port),
            "METRICS_PORT": str(metrics_port),
            "FLY_VM_MEMORY_MB": str(guest.memory_mb),
            # Then the bench names its clients, as Fly's proxy does.
            "FLY_APP_NAME": "bench",
            **environment,
        },
        stdout=asyncio.subprocess.DEVNULL,
    )
    with ExitStack() as stack:
        try:
            await until_listening(port)
            if guest.milliseconds is not None:
                stack.enter_context(cpu_quota(process.pid, guest.milliseconds))
            yield Server(process.pid, port, metrics_port)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as free:
        port: int = free.getsockname()[1]
        return port


async def until_listening(port: int) -> None:
    """Wait until a server on loopback takes connections."""
    async with asyncio.timeout(20):
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection(HOST, port)
                writer.close()
                return
            await asyncio.sleep(0.02)
