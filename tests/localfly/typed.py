"""`flygate local`, typed by a person: real commands, a real daemon, a real terminal."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from flygate.cli.verbs.local.daemon import commands
from localfly.processes.identity import marked_processes
from localfly.state.env_file import read_token
from localfly.state.store import Store
from typer.testing import CliRunner

from tests.support.localfly import Machines, clients

ROOT = Path(__file__).resolve().parents[2]
_PATIENCE_SECONDS = 50


class Flygate:
    """Runs `flygate local … --state DIR`."""

    def __init__(self, state: Path) -> None:
        self.state = state

    def run(self, *words: str, code: int = 0, variables: dict[str, str] | None = None) -> str:
        done = subprocess.run(
            self._command(*words),
            env={**os.environ, **(variables or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout + done.stderr

    def say(self, *words: str, code: int = 0) -> str:
        """The same in this process: quicker, for what starts no process of its own."""
        done = CliRunner().invoke(commands, [*words, "--state", str(self.state)])
        assert done.exit_code == code, done.output
        return done.output

    def answer(self, words: tuple[str, ...], typed: str, code: int) -> str:
        """Return what it shows on a terminal where its question is answered."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            self._command(*words), stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True
        )
        os.close(theirs)
        os.write(ours, typed.encode())
        shown, deadline = "", time.monotonic() + _PATIENCE_SECONDS
        while process.poll() is None or select.select([ours], [], [], 0)[0]:
            assert time.monotonic() < deadline, shown
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    shown += os.read(ours, 65536).decode(errors="replace")
                except OSError:  # it has ended
                    break
        os.close(ours)
        assert process.wait() == code, shown
        return shown

    def status(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.run("status", "--json"))
        return document

    @asynccontextmanager
    async def clients(self) -> AsyncIterator[tuple[httpx.AsyncClient, httpx.AsyncClient]]:
        """Of the API, with the daemon's token, and of the proxy."""
        status = await asyncio.to_thread(self.status)
        token = read_token(self.state)
        async with clients(status["api_url"], status["proxy_url"], token) as found:
            yield found

    def processes(self) -> list[int]:
        identity = Store(self.state).read("identity")
        assert identity
        return list(marked_processes(identity["state_id"]))

    def _command(self, *words: str) -> list[str]:
        program = [sys.executable, "-P", "-m", "flygate.cli", "local"]
        return [*program, *words, "--state", str(self.state)]


async def serve_one(flygate: Flygate) -> str:
    """The id of a machine that serves."""
    async with flygate.clients() as (api, proxy):
        machines = Machines(None, api, proxy)  # type: ignore[arg-type]
        await machines.setup()
        return str((await machines.serving())["id"])


@dataclass(frozen=True, slots=True)
class Serving:
    """A running daemon with a machine that serves."""

    flygate: Flygate
    status: dict[str, Any]
    machine: str
    process: int

    @classmethod
    def start(cls, flygate: Flygate, *options: str) -> Serving:
        """A daemon with these options, and the machine."""
        flygate.run("up", "--api-port", "0", "--proxy-port", "0", *options)
        status = flygate.status()
        machine = asyncio.run(serve_one(flygate))
        [process] = flygate.processes()
        return cls(flygate, status, machine, process)

    def goes_on(self) -> bool:
        """The same daemon runs with the same machine, which answers."""
        assert self.flygate.status()["pid"] == self.status["pid"]
        assert self.flygate.processes() == [self.process]
        return asyncio.run(self._answers())

    async def _answers(self) -> bool:
        async with self.flygate.clients() as (api, proxy):
            answer = await Machines(None, api, proxy).ask()  # type: ignore[arg-type]
            return answer.text == self.machine

    def port(self, name: str) -> int:
        """Of the daemon's: `api` or `proxy`."""
        return int(str(self.status[f"{name}_url"]).rpartition(":")[2])
