"""A crowd on the local Fly: `python -m bench.local_crowd [machines] [seconds]`.

Starts a real daemon and 50 machines in 3 regions, loads them, replaces every one of them under
load, and stops them. Says how long each took, whether a request was lost, and how much memory the
daemon needed at most; fails if a request was lost or the memory is above its limit.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import uvloop
from localfly.daemon.control import DaemonControl
from localfly.daemon.info import DaemonInfo
from localfly.state.env_file import read_token

from tests.support.localfly import Machines, clients

REGIONS = ("iad", "fra", "syd")
AT_ONCE = 5
CONNECTIONS = 24
MEMORY_LIMIT_MB = 150


@dataclass
class Load:
    """Clients in every region, one request after the other, for as long as the context lasts."""

    url: str
    answered: int = 0
    lost: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        assert httpx.URL(self.url).host == "127.0.0.1"
        is_over = asyncio.Event()
        tasks = [asyncio.create_task(self._client(n, is_over)) for n in range(CONNECTIONS)]
        try:
            yield
        finally:
            is_over.set()
            await asyncio.gather(*tasks)

    async def _client(self, number: int, is_over: asyncio.Event) -> None:
        url = httpx.URL(self.url)
        reader, writer = await asyncio.open_connection(url.host, url.port)
        region = REGIONS[number % len(REGIONS)]
        request = f"GET / HTTP/1.1\r\nhost: demo.localhost\r\nfly-local-region: {region}\r\n\r\n"
        while not is_over.is_set():
            writer.write(request.encode())
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            body = await reader.readexactly(int(length))
            if head.startswith(b"HTTP/1.1 200"):
                self.answered += 1
            else:
                self.lost.append(body.decode())
        writer.close()


async def main(count: int, seconds: float) -> None:
    with tempfile.TemporaryDirectory(prefix="flygate-bench-") as folder:
        control = DaemonControl(Path(folder) / "state")
        info = (await asyncio.to_thread(control.up, 0, 0)).info
        try:
            async with clients(info.api_url, info.proxy_url, read_token(control.folder)) as (
                api,
                proxy,
            ):
                machines = Machines(None, api, proxy)  # type: ignore[arg-type]
                await measure(machines, info, count, seconds)
        finally:
            began = time.perf_counter()
            await asyncio.to_thread(control.down)
            show("everything ended after", time.perf_counter() - began, "s")


async def measure(machines: Machines, info: DaemonInfo, count: int, seconds: float) -> None:
    await machines.setup()
    began = time.perf_counter()
    old = await in_turns(lambda n: create(machines, n), range(count))
    show(f"{count} machines serve after", time.perf_counter() - began, "s")

    load = Load(info.proxy_url)
    async with load.running():
        began = time.perf_counter()
        await asyncio.sleep(seconds)
        rate = load.answered / (time.perf_counter() - began)
    show("requests/s over 3 regions", rate, f"(lost {len(load.lost)})")

    rolling = Load(info.proxy_url)
    async with rolling.running():
        began = time.perf_counter()
        await in_turns(lambda n: replace(machines, n, old[n]), range(count))
        show("all replaced after", time.perf_counter() - began, "s")
    show("requests meanwhile", rolling.answered, f"(lost {len(rolling.lost)})")

    began = time.perf_counter()
    living = (await machines.api.get(machines.base)).json()
    await in_turns(lambda n: stop(machines, living[n]["id"]), range(len(living)))
    show(f"{len(living)} machines stopped after", time.perf_counter() - began, "s")
    peak = peak_memory_mb(info.pid)
    show("daemon's memory, peak", peak, "MB")
    assert not load.lost + rolling.lost, (load.lost + rolling.lost)[:3]
    assert len(living) == count
    assert peak < MEMORY_LIMIT_MB


async def create(machines: Machines, number: int) -> str:
    made = await machines.create(region=REGIONS[number % len(REGIONS)])
    return str((await machines.healthy(made["id"]))["id"])


async def replace(machines: Machines, number: int, old: str) -> str:
    """As a rollout does: the new one serves before the old one leaves."""
    new = await create(machines, number)
    await machines.post(old, "cordon")
    await machines.post(old, "stop")
    await machines.wait(old, "stopped")
    await machines.api.delete(f"{machines.base}/{old}")
    return new


async def stop(machines: Machines, machine_id: str) -> str:
    await machines.post(machine_id, "cordon")
    await machines.post(machine_id, "stop")
    await machines.wait(machine_id, "stopped")
    return machine_id


async def in_turns(do: Callable[[int], Awaitable[str]], numbers: range) -> list[str]:
    """A few at once, as a careful client does."""
    free = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> str:
        async with free:
            return await do(number)

    return list(await asyncio.gather(*map(one, numbers)))


def peak_memory_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1000
    raise RuntimeError("this system does not tell a process's peak memory")


def show(what: str, value: float, unit: str) -> None:
    print(f"{what:<28}{value:10,.1f} {unit}", flush=True)


if __name__ == "__main__":
    asked = sys.argv[1:]
    uvloop.run(main(int(asked[0]) if asked else 50, float(asked[1]) if asked[1:] else 5.0))
