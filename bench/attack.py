"""`make attack`: what one client can do to the service, tried on loopback and bounded.

Each attack runs against processes of its own. With `--code PATH` another checkout is attacked: so
came the column "before".
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import httpx
import websockets
from flygate_wire.signature import Signatures

from bench import page

_ROOT: Final = Path(__file__).resolve().parents[1]
_KEY: Final = "a key that only the attacks have"
_ORDER: Final = "/_flygate/cluster/order"
_MIB: Final = 1_048_576
_ENVIRONMENT: Final = {
    "FLY_APP_NAME": "attacked",
    "FLY_MACHINE_ID": "one",
    "FLYGATE_KEY": _KEY,
    "FLYGATE_DNS": "127.0.0.1:9",
    "SERVICE_APP": "tests.service.apps:make_app()",
    # As many as Fly Proxy sends to a machine of the first phases.
    "SERVICE_MAX_REQUESTS": "100",
    "RATE_LIMIT_RPM": "60000",
    "RATE_LIMIT_BURST": "1000",
}
_DEMO: Final = {"SERVICE_APP": ""}
# Of the code before these bounds, by `--code`.
BEFORE: Final = {
    "slow_orders": "0 of 200 refused at once",
    "slow_client": "200 of 200 get 503",
    "slow_clients": "200 of 200 get 503",
    "large_body": "200, 121 MiB of memory",
    "large_head": "goes on, 21 MiB of memory",
    "many_sockets": "60 opened",
    "silent_metrics": "300 threads and 300 connections more",
    "private_names": "60 of 60 served",
    "unknown_paths": "the application answers",
    "deep_login": "500, 500",
}


@dataclass(frozen=True, slots=True)
class Target:
    """A service that may be attacked: it was started here, and is on loopback."""

    pid: int
    host: str
    port: int
    metrics_port: int

    def __post_init__(self) -> None:
        if not ip_address(self.host).is_loopback:
            raise ValueError(f"attacks are for loopback only; found {self.host}")

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def peak_mib(self) -> int:
        """The most memory that it held so far."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) // 1_024
        return 0

    def held(self, what: str) -> int:
        """How many threads (`task`) or files (`fd`) it has."""
        return len(os.listdir(f"/proc/{self.pid}/{what}"))


Start = Callable[..., Awaitable[Target]]
Attack = Callable[[Start], Awaitable[str]]


async def slow_orders(start: Start) -> str:
    """200 bodies that do not come, at the path of the engine's orders, by one client"""
    target = await start()
    forged = Signatures("another").sign("POST", _ORDER, b"x")
    async with AsyncExitStack() as stack:
        heads = [_post(_ORDER, "192.0.2.1", f"flygate-signature: {forged}")] * 200
        lines = await _first_lines(stack, target, heads)
    return f"{sum(bool(line) for line in lines)} of 200 refused at once"


async def slow_clients(start: Start) -> str:
    """200 slow clients at 2 machines: what others get"""
    targets = [await start(**_DEMO), await start(**_DEMO)]
    async with AsyncExitStack() as stack:
        for number in range(200):
            head = _post("/echo", f"198.51.100.{number}")
            await _send(stack, targets[number % 2], head)
        await asyncio.sleep(0.3)
        return await _others(targets)


async def slow_client(start: Start) -> str:
    """200 slow bodies of one client at 2 machines: what others get"""
    targets = [await start(**_DEMO), await start(**_DEMO)]
    async with AsyncExitStack() as stack:
        for number in range(200):
            await _send(stack, targets[number % 2], _post("/echo", "198.51.100.1"))
        await asyncio.sleep(0.3)
        return await _others(targets)


async def large_body(start: Start) -> str:
    """A body of 60 MB, of unknown length"""
    target = await start(**_DEMO)
    before = target.peak_mib

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(60):
            yield b"x" * _MIB

    async with httpx.AsyncClient(timeout=20) as web:
        try:
            status = str((await web.post(f"{target.url}/echo", content=parts())).status_code)
        except httpx.TransportError as exc:
            status = type(exc).__name__
    return f"{status}, {target.peak_mib - before} MiB of memory"


async def large_head(start: Start) -> str:
    """A head of 20 MB that does not end"""
    target = await start()
    before = target.peak_mib
    reader, writer = await asyncio.open_connection(target.host, target.port)
    writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n")
    with suppress(OSError):
        for _ in range(320):
            writer.write(b"x: " + b"y" * 65_500 + b"\r\n")
            await writer.drain()
    try:
        line = await asyncio.wait_for(reader.readline(), 1)
        outcome = line.split()[1].decode() if line else "ended"
    except TimeoutError:
        outcome = "goes on"
    except OSError:
        outcome = "ended"
    writer.close()
    return f"{outcome}, {target.peak_mib - before} MiB of memory"


async def many_sockets(start: Start) -> str:
    """60 open WebSockets of one client"""
    target = await start()
    refused = 0
    async with AsyncExitStack() as stack:
        for _ in range(60):
            try:
                url = f"ws://{target.host}:{target.port}/echo"
                await stack.enter_async_context(websockets.connect(url, proxy=None))
            except websockets.InvalidStatus:
                refused += 1
    return f"{60 - refused} opened"


async def silent_metrics(start: Start) -> str:
    """300 silent connections to the metrics' port"""
    target = await start()
    threads, files = target.held("task"), target.held("fd")
    open_ones = [socket.create_connection((target.host, target.metrics_port)) for _ in range(300)]
    await asyncio.sleep(0.5)
    more = target.held("task") - threads, target.held("fd") - files
    for one in open_ones:
        one.close()
    return f"{more[0]} threads and {more[1]} connections more"


async def private_names(start: Start) -> str:
    """60 requests of a caller on the private network, each as another client; a limit of 10"""
    target = await start(HOST="::1", RATE_LIMIT_RPM="1", RATE_LIMIT_BURST="10")
    async with httpx.AsyncClient(base_url=target.url) as web:
        named = [{"fly-client-ip": f"192.0.2.{number}"} for number in range(60)]
        statuses = [(await web.get("/state", headers=one)).status_code for one in named]
    return f"{statuses.count(200)} of 60 served"


async def unknown_paths(start: Start) -> str:
    """A path below /_flygate/ that is none of the service's"""
    target = await start(SERVICE_APP="tests.service.apps:bare")
    async with httpx.AsyncClient(base_url=target.url) as web:
        answer = await web.get("/_flygate/x")
    return "the application answers" if answer.text == "bare" else str(answer.status_code)


async def deep_login(start: Start) -> str:
    """Login: `[` 3,000 times, and half a character in a name"""
    users = {"ada": "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$KmWS3Q"}
    target = await start(LOGIN_USERS=json.dumps(users))
    bodies = [b"[" * 3_000, b'{"username": "ada\\ud800", "password": "x"}']
    fields = {"content-type": "application/json", "cookie": "flygate_device=a.b.c"}
    async with httpx.AsyncClient(base_url=target.url) as web:
        answers = [await web.post("/auth/login", content=one, headers=fields) for one in bodies]
    return ", ".join(str(answer.status_code) for answer in answers)


ATTACKS: Final[list[Attack]] = [
    slow_orders,
    slow_client,
    slow_clients,
    large_body,
    large_head,
    many_sockets,
    silent_metrics,
    private_names,
    unknown_paths,
    deep_login,
]


async def _others(targets: list[Target]) -> str:
    """What clients get that are not slow."""
    times, statuses = [], []
    async with httpx.AsyncClient() as web:
        for number in range(200):
            fields = {"fly-client-ip": f"192.0.2.{number}"}
            began = time.perf_counter()
            answer = await web.get(targets[number % 2].url, headers=fields)
            times.append(time.perf_counter() - began)
            statuses.append(answer.status_code)
    p99 = sorted(times)[math.ceil(0.99 * len(times)) - 1]
    return f"{statuses.count(503)} of 200 get 503, p99 {p99 * 1000:.0f} ms"


def _post(path: str, client: str, *fields: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "host: x", f"fly-client-ip: {client}", *fields]
    return "\r\n".join([*lines, "content-length: 1000", "", ""]).encode()


async def _send(stack: AsyncExitStack, target: Target, head: bytes) -> asyncio.StreamReader:
    reader, writer = await asyncio.open_connection(target.host, target.port)
    stack.callback(writer.close)
    writer.write(head)
    return reader


async def _first_lines(stack: AsyncExitStack, target: Target, heads: list[bytes]) -> list[bytes]:
    readers = [await _send(stack, target, head) for head in heads]

    async def line(reader: asyncio.StreamReader) -> bytes:
        with suppress(TimeoutError, OSError):
            return await asyncio.wait_for(reader.readline(), 1)
        return b""

    return await asyncio.gather(*map(line, readers))


@asynccontextmanager
async def _targets(code: Path) -> AsyncIterator[Start]:
    """Starts services; all are ended afterwards."""
    async with AsyncExitStack() as stack:

        async def start(**changes: str) -> Target:
            host = changes.get("HOST", "127.0.0.1")
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-P", "-m", "flygate_service"),
                env={
                    "PATH": os.environ["PATH"],
                    "PYTHONPATH": os.pathsep.join((str(code / "service"), str(code / "wire"))),
                    "HOST": host,
                    "PORT": "0",
                    "METRICS_PORT": "0",
                    **_ENVIRONMENT,
                    **changes,
                },
                stdout=asyncio.subprocess.PIPE,
            )
            stack.push_async_callback(_end, process)
            return await _listening(process, host)

        yield start


async def _listening(process: asyncio.subprocess.Process, host: str) -> Target:
    assert process.stdout is not None
    async with asyncio.timeout(30):
        while True:
            reported = json.loads(await process.stdout.readline())
            if reported["event"] == "listening":
                break
    target = Target(process.pid, host, reported["port"], reported["metrics_port"])
    async with httpx.AsyncClient(base_url=target.url, timeout=30) as web:
        await web.get("/readyz")
    return target


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    await process.communicate()


async def _report(code: Path) -> str:
    lines = ["| attack | before | now |", "|---|---|---|"]
    for attack in ATTACKS:
        async with _targets(code) as start:
            found = await attack(start)
        name = (attack.__doc__ or "").strip()
        lines.append(f"| {name} | {BEFORE.get(attack.__name__, '')} | {found} |")
        print(lines[-1], flush=True)
    return "\n".join(lines) + "\n"


def main() -> None:
    """Attack, print, and write the table if asked to."""
    parser = argparse.ArgumentParser(prog="make attack", description=__doc__)
    parser.add_argument("--code", type=Path, default=_ROOT, help="another checkout to attack")
    parser.add_argument("--write", type=Path, help="also into its part of this Markdown file")
    arguments = parser.parse_args()
    text = asyncio.run(_report(arguments.code))
    if arguments.write is not None:
        page.write(arguments.write, "attacks", text)


if __name__ == "__main__":
    main()
