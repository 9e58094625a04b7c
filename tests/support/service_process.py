"""A real service process on loopback addresses, and what to ask it with."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest


@dataclass
class ServiceProcess:
    """A running `python -m flygate_service`, its log lines so far, and a client for it."""

    process: asyncio.subprocess.Process
    lines: list[dict[str, Any]] = field(default_factory=list)
    port: int = 0
    metrics_port: int = 0
    client: httpx.AsyncClient = field(default_factory=httpx.AsyncClient)

    def events(self, name: str) -> list[dict[str, Any]]:
        """The log lines of one event."""
        return [line for line in self.lines if line["event"] == name]

    async def wait_for_event(self, name: str) -> dict[str, Any]:
        """Read the log until it has the event."""
        while not self.events(name):
            await self._read_line()
        return self.events(name)[0]

    async def stop(self) -> int:
        """Ask it to end, and give its exit code."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        return await self.finish()

    async def finish(self) -> int:
        """Read the rest of its log, and give its exit code."""
        with suppress(EOFError):
            while True:
                await self._read_line()
        return await self.process.wait()

    async def _read_line(self) -> None:
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        if not line:
            raise EOFError(f"the service ended; its log: {self.lines}")
        self.lines.append(json.loads(line))


StartService = Callable[..., Awaitable[ServiceProcess]]


@pytest.fixture
async def start_service() -> AsyncIterator[StartService]:
    """Start services with an environment; all are stopped afterwards."""
    running: list[ServiceProcess] = []

    async def start(host: str = "127.0.0.1", **environment: str) -> ServiceProcess:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "flygate_service",
            stdout=asyncio.subprocess.PIPE,
            env={
                "PATH": os.environ["PATH"],
                "HOST": host,
                "PORT": "0",
                "METRICS_PORT": "0",
                **environment,
            },
        )
        started = ServiceProcess(process)
        running.append(started)
        event = await started.wait_for_event("listening")
        started.port, started.metrics_port = event["port"], event["metrics_port"]
        started.client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{started.port}")
        return started

    yield start
    for service in running:
        await service.client.aclose()
        if service.process.returncode is None:
            service.process.kill()
        await service.finish()
