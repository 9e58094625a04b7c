"""The daemon: the API, the proxy and the machines of one state folder, in one event loop."""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Final, Self

from localfly.accounts.tokens import Tokens, digest_of
from localfly.api.application import build_api
from localfly.api.rate_limits import RateLimits
from localfly.api.server import serving
from localfly.cloud import Cloud, build_cloud
from localfly.daemon.info import DAEMON_KEY, DaemonInfo
from localfly.daemon.options import DOCKER, RUNTIME_KEY, Options
from localfly.daemon.version import PROJECT_ROOT, code_version
from localfly.dns.server import DnsServer
from localfly.errors import StartupError
from localfly.faults.active_faults import ActiveFaults
from localfly.faults.machine_faults import MachineFaults
from localfly.faults.router import FaultControls
from localfly.images.image_store import ImageStore
from localfly.machines.memory_guard import MemoryGuard
from localfly.machines.platform import Runtime
from localfly.machines.volume_keeper import VolumeKeeper
from localfly.network.ports import FREE, Listeners, listen
from localfly.page.router import PageFeed
from localfly.page.snapshot import Snapshots
from localfly.proxy.autostop import Autostop
from localfly.proxy.routing import Routing
from localfly.proxy.routing_table import RoutingTable
from localfly.proxy.server import Proxy
from localfly.runtime.docker_runtime import DockerRuntime
from localfly.runtime.environment import Inherited
from localfly.runtime.interpreter import Interpreter
from localfly.runtime.process_runtime import ProcessRuntime
from localfly.state import env_file
from localfly.state.files import tighten
from localfly.state.folder import StateFolder
from localfly.state.lock import StateLock
from localfly.state.store import Store
from localfly.timing.background import BackgroundTasks
from localfly.timing.clock import MovableClock
from localfly.timing.polling import poll_async
from localfly.timing.timestamp import rfc3339

_DELETED_SECONDS: Final = 1.0
_DNS: Final = "FLYGATE_DNS"  # where a machine sends its DNS queries: 127.0.0.1:port


class LocalFly:
    """The local Fly of one state folder, from entering the context to leaving it.

    Args:
        state_dir: where everything is kept; made if missing.
        api_port: 0 for a free one (the one used before, if there was one); None for the usual one.
        proxy_port: likewise.
        options: where they differ from the defaults.
    """

    def __init__(
        self,
        state_dir: Path,
        api_port: int | None = FREE,
        proxy_port: int | None = FREE,
        options: Options = Options(),  # noqa: B008 (frozen)
    ) -> None:
        self.state_dir = Path(state_dir)
        self._lock = StateLock(self.state_dir)
        self._asked = (api_port, proxy_port)
        self._options = options
        self._cleanup = contextlib.AsyncExitStack()
        self.clock = MovableClock()
        self.api_url = ""
        self.proxy_url = ""
        self.dns = ""

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            await self._open(stack)
            self._cleanup = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._cleanup.aclose()

    async def deleted(self) -> None:
        """Return when the state folder was deleted: no client could find the daemon any more."""
        await poll_async(lambda: self._lock.is_deleted, pause=_DELETED_SECONDS)

    async def _open(self, stack: contextlib.AsyncExitStack) -> None:
        """Open everything; what is opened last is closed first: API, machines, proxy, lock."""
        StateFolder(self.state_dir).claim()
        tighten(self.state_dir, keep=StateFolder(self.state_dir).volumes())
        store = Store(self.state_dir)
        stack.enter_context(_locked(self._lock, self.state_dir))
        listeners = listen(store, *self._asked)
        stack.callback(listeners.close)
        self.api_url = _url(listeners.api.getsockname())
        self.proxy_url = _url(listeners.proxy.getsockname())
        table = RoutingTable()
        self.dns = listeners.dns.address
        tokens = Tokens(store, self._options.accepted)
        cloud = build_cloud(store, table, self.clock, tokens, self._runtime_of(store))
        faults = FaultControls(ActiveFaults(Random()), MachineFaults(cloud.fleet), self.clock)  # noqa: S311
        await self._start_dns(stack, cloud, faults, listeners)
        await self._start_proxy(stack, table, cloud, listeners)
        await self._start_machines(stack, cloud, table)
        await self._start_settling(stack, store)
        stack.callback(faults.machines.clear)
        await self._start_api(stack, cloud, table, faults, listeners)
        stack.enter_context(self._announced(store))

    def _runtime_of(self, store: Store) -> Callable[[ImageStore, str], Runtime]:
        """Return how machines run."""
        store.write(RUNTIME_KEY, self._options.runtime)
        if self._options.runtime == DOCKER:
            return lambda _, state_id: DockerRuntime(state_id, store.folder)
        interpreter = Interpreter(store.subfolder("python"))
        inherited = Inherited.from_process(os.environ, interpreter)
        inherited = replace(inherited, variables={**inherited.variables, _DNS: self.dns})
        return lambda images, state_id: ProcessRuntime(
            images, inherited, state_id, store.subfolder("volumes").resolve()
        )

    async def _start_dns(
        self,
        stack: contextlib.AsyncExitStack,
        cloud: Cloud,
        faults: FaultControls,
        listeners: Listeners,
    ) -> None:
        home, cut_off = self._options.region, faults.machines.cut_off
        server = DnsServer(cloud.fleet.all_machines, cloud.apps.names, home, cut_off)
        stack.callback(server.close)
        await server.start(listeners.dns)

    async def _start_proxy(
        self,
        stack: contextlib.AsyncExitStack,
        table: RoutingTable,
        cloud: Cloud,
        listeners: Listeners,
    ) -> None:
        routing = Routing(table, cloud.apps.network_of, self.clock)
        options = self._options
        proxy = Proxy(
            table,
            routing,
            listeners.proxy,
            options.region,
            latency=options.latency,
            forces_https=options.forces_https,
        )
        stack.push_async_callback(proxy.close)
        await proxy.start()

    async def _start_machines(
        self, stack: contextlib.AsyncExitStack, cloud: Cloud, table: RoutingTable
    ) -> None:
        """Start the background loops, and the machines, which end before the loops do."""
        guard = MemoryGuard(cloud.fleet)
        period = self._options.autostop_seconds
        autostop = Autostop(table, cloud.stop_idle, self.clock.sleep, period)
        table.autostart.start_with(cloud.wake)
        keeper = VolumeKeeper(
            cloud.apps.names, cloud.volumes, cloud.attachments, self.clock, self.clock.sleep
        )
        loops = (
            cloud.logs.collect_for_ever(),
            guard.watch_for_ever(),
            autostop.run_for_ever(),
            keeper.keep_for_ever(),
        )
        tasks = BackgroundTasks()
        for loop in loops:
            tasks.start(loop)

        async def stop_loops() -> None:
            await tasks.end()
            cloud.logs.collect()  # the last lines of machines that ended with the daemon

        stack.push_async_callback(stop_loops)
        stack.push_async_callback(cloud.addons.halt)
        stack.push_async_callback(cloud.fleet.halt)
        await asyncio.to_thread(cloud.fleet.end_orphans, cloud.addons.pids)
        cloud.addons.boot()
        cloud.fleet.boot()

    async def _start_settling(self, stack: contextlib.AsyncExitStack, store: Store) -> None:
        """Write what found no room on the disk, when there is some, or at the end."""
        tasks = BackgroundTasks()
        tasks.start(store.settle_for_ever())

        async def stop() -> None:
            await tasks.end()
            store.settle()

        stack.push_async_callback(stop)

    async def _start_api(
        self,
        stack: contextlib.AsyncExitStack,
        cloud: Cloud,
        table: RoutingTable,
        faults: FaultControls,
        listeners: Listeners,
    ) -> None:
        feed = PageFeed(lambda: Snapshots(cloud, table, self.clock, self.proxy_url))
        limits = RateLimits(cloud.clock) if self._options.rate_limits else None
        shown = faults if self._options.has_faults else None
        api = build_api(cloud, self.proxy_url, table.stats, feed, limits, shown)
        await stack.enter_async_context(serving(api, listeners.api))
        stack.callback(feed.close)  # an open stream would keep the API from ending

    @contextlib.contextmanager
    def _announced(self, store: Store) -> Iterator[None]:
        info = DaemonInfo(
            pid=os.getpid(),
            api_url=self.api_url,
            proxy_url=self.proxy_url,
            root=str(PROJECT_ROOT),
            started_at=rfc3339(time.time()),
            version=code_version(),
            dns=self.dns,
            options=tuple(self._options.arguments()),
            token_digest=digest_of(store.folder, self._options.tokens),
        )
        if self._options.accepted:
            env_file.write(self.state_dir, self.api_url, self.dns, self._options.accepted[0])
        store.write(DAEMON_KEY, asdict(info))
        try:
            yield
        finally:
            store.delete(DAEMON_KEY)


@contextlib.contextmanager
def _locked(lock: StateLock, folder: Path) -> Iterator[None]:
    if not lock.acquire():
        raise StartupError(
            f"a local Fly (process {lock.holder()}) already runs with the state folder {folder}. "
            "`flygate local status` shows it, `flygate local down` ends it."
        )
    try:
        yield
    finally:
        lock.release()


def _url(address: tuple[str, int]) -> str:
    return f"http://{address[0]}:{address[1]}"
