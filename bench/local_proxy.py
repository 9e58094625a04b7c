"""How fast the local Fly's proxy is.

`python -m bench.local_proxy [seconds] [connections]`

Starts a real daemon in a process of its own and one machine, loads it from here, and divides the
answered requests by the daemon's CPU time: that is what one core can do, however busy the others
are. Memory and start time are printed too.
"""

import asyncio
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import uvloop
from localfly.daemon.control import DaemonControl
from localfly.daemon.info import DaemonInfo
from localfly.state.env_file import read_token

from tests.support.localfly import Machines, clients, digest_of, make_image

# A server that answers a fixed text as fast as an event loop can, so that it is not measured.
_FAST_SERVER = b"""
import asyncio, os, uvloop

ANSWER = b"HTTP/1.1 200 OK\\r\\ncontent-length: 13\\r\\n\\r\\nHello, world!"

class Server(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.pending = transport, b""

    def data_received(self, data):
        self.pending += data
        *complete, self.pending = self.pending.split(b"\\r\\n\\r\\n")
        self.transport.write(ANSWER * len(complete))

async def main():
    server = await asyncio.get_running_loop().create_server(Server, os.environ["HOST"], 8080)
    await server.serve_forever()

uvloop.run(main())
"""
_REQUEST = (
    b"GET /some/path?with=query HTTP/1.1\r\nhost: demo.localhost\r\nuser-agent: bench\r\n"
    b"accept: application/json\r\naccept-encoding: gzip\r\ncookie: session=0123456789abcdef\r\n\r\n"
)


class Load(asyncio.Protocol):
    """One client: the next request as soon as the last is answered."""

    def __init__(self) -> None:
        self.answered = 0
        self.failed = 0
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._transport.write(_REQUEST)

    def data_received(self, data: bytes) -> None:
        self.answered += 1
        self.failed += not data.startswith(b"HTTP/1.1 200 OK")
        self._transport.write(_REQUEST)

    def close(self) -> None:
        self._transport.abort()


async def main(seconds: float, connections: int) -> None:
    with tempfile.TemporaryDirectory(prefix="flygate-bench-") as folder:
        control = DaemonControl(Path(folder) / "state")
        began = time.perf_counter()
        info = (await asyncio.to_thread(control.up, 0, 0)).info
        print(f"daemon ready after   {time.perf_counter() - began:8.2f} s")
        try:
            await measure(info, read_token(control.folder), seconds, connections)
        finally:
            await asyncio.to_thread(control.down)


async def measure(info: DaemonInfo, token: str, seconds: float, connections: int) -> None:
    async with clients(info.api_url, info.proxy_url, token) as (api, proxy):
        machines = Machines(None, api, proxy)  # type: ignore[arg-type]
        await machines.setup()
        image = make_image({"fast.py": _FAST_SERVER}, ["python", "fast.py"])
        await machines.put_image(image)
        machines.digest = digest_of(image)
        config = machines.config()
        config["services"][0]["concurrency"] = {"type": "requests", "soft_limit": 1000}
        began = time.perf_counter()
        await machines.serving(config=config)
        print(f"machine serving after{time.perf_counter() - began:8.2f} s")
        await load(info, seconds, connections)


async def load(info: DaemonInfo, seconds: float, connections: int) -> None:
    url = httpx.URL(info.proxy_url)
    assert url.host == "127.0.0.1"
    assert url.port
    loop = asyncio.get_running_loop()
    loads = [
        (await loop.create_connection(Load, url.host, url.port))[1] for _ in range(connections)
    ]
    await asyncio.sleep(0.5)
    before, cpu, began = sum(one.answered for one in loads), cpu_seconds(info.pid), loop.time()
    await asyncio.sleep(seconds)
    answered = sum(one.answered for one in loads) - before
    used, elapsed = cpu_seconds(info.pid) - cpu, loop.time() - began
    for one in loads:
        one.close()
    assert answered
    assert not sum(one.failed for one in loads)
    print(f"requests             {answered:8d}   in {elapsed:.1f} s, {connections} connections")
    print(
        f"requests/s, wall     {answered / elapsed:8.0f}   (load, machine and proxy on all cores)"
    )
    print(f"requests/s, one core {answered / used:8.0f}   (per second of the daemon's CPU)")
    print(f"daemon's memory      {resident_mb(info.pid):8.0f} MB")


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


if __name__ == "__main__":
    asked = sys.argv[1:]
    uvloop.run(main(float(asked[0]) if asked else 3.0, int(asked[1]) if asked[1:] else 32))
