"""Machines with the service's own parts in one process, on a network, a DNS and a proxy that can be
disturbed; time is virtual, so that a disturbance of a minute takes no longer than its requests.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from flygate_limiter import Limiter, MemoryStore, Policy, PolicySet, Quota
from flygate_limiter.fingerprint import keyed_fingerprint
from flygate_service.asgi.authenticator import Authenticator
from flygate_service.asgi.messages import App, Receive, Scope, Send
from flygate_service.asgi.readiness import Readiness
from flygate_service.asgi.supervisor import Supervisor
from flygate_service.cluster.cookie import AffinityCookie
from flygate_service.cluster.copies import Copies
from flygate_service.cluster.errors import DirectoryError
from flygate_service.cluster.handoff import Handoff
from flygate_service.cluster.keys import derived
from flygate_service.cluster.members import Members
from flygate_service.cluster.metrics import ClusterMetrics
from flygate_service.cluster.node import Node
from flygate_service.cluster.owners import Owners
from flygate_service.cluster.peers import Peers
from flygate_service.cluster.ring import Member
from flygate_service.middleware.affinity import AffinityMiddleware
from flygate_service.middleware.rate_limit import RateLimitMiddleware
from flygate_service.routes.cluster import ClusterRoutes
from flygate_wire.share_order import SignedShareOrders
from flygate_wire.signature import Signatures
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

KEY = "a key that only the tests have"
_EPOCH = 1_700_000_000.0
_WAY_SECONDS = 0.002
_DNS_SECONDS = 2.0
_PEER_SECONDS = 1.0
# Until the proxy's checks take a machine that hangs out of rotation.
_CHECK_SECONDS = 4.0


def now() -> float:
    """Virtual seconds."""
    return asyncio.get_running_loop().time()


class Clock:
    """Of the buckets."""

    def now(self) -> int:
        """Nanoseconds."""
        return round((1_000 + now()) * 1e9)


@dataclass
class Machine:
    """One, with the service's parts.

    Attributes:
        is_listed: the DNS names it.
        is_frozen: none of it runs (SIGSTOP, a suspension).
        is_dead: there is no listener.
        is_cut_off: the DNS does not answer it.
    """

    id: str
    world: "Cluster"
    is_listed: bool = True
    is_dead: bool = False
    is_cut_off: bool = False
    frozen_since: float | None = None
    _lost_seconds: float = 0.0
    _thawed: asyncio.Event = field(default_factory=asyncio.Event)
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    def __post_init__(self) -> None:
        """Wire it as `flygate_service.wiring.cluster` does."""
        self._thawed.set()
        signatures, orders = Signatures(KEY, self.wall), SignedShareOrders(KEY, "demo")
        self.metrics = ClusterMetrics(CollectorRegistry())
        peers = Peers(self, 9091, signatures, orders)
        peers._client = httpx.AsyncClient(transport=_Network(self))
        self.members = Members(
            Member(self.id), self, peers.status, derived(KEY, "ring"), address=peers.reached
        )
        store = MemoryStore(1_000, Clock(), keyed_fingerprint(derived(KEY, "fingerprints")))
        handoff = Handoff(store, lambda: self.members.stores, "", peers, self.metrics)
        self.readiness, self.supervisor = Readiness(), Supervisor()
        self.node = Node(self.members, handoff, self.readiness, self.supervisor, self.wall)
        self._copies = Copies(
            store, lambda: self.members.peers, peers, self.metrics, clock=Clock().now
        )
        routes = ClusterRoutes(self.node, self._copies, signatures, orders, store)
        self.inside = Starlette(routes=routes.routes(Authenticator(signatures)))
        limiter = Limiter(PolicySet((Policy("default", self.world.quota),)), store, clock=Clock())
        cookie = AffinityCookie(derived(KEY, "cookie"))
        owners = Owners(peers, self.metrics, now)
        limited = RateLimitMiddleware(_served, limiter)
        self.app: App = AffinityMiddleware(
            limited, self.node, limiter, owners, cookie, self.metrics
        )

    def wall(self) -> float:
        """What it takes for the time: while it is frozen it does not look."""
        read = now() if self.frozen_since is None else self.frozen_since
        return _EPOCH + read - self._lost_seconds

    async def begin(self) -> None:
        """Start; the proxy's first request admits it."""
        await self._stack.enter_async_context(self.supervisor.running())
        await self._stack.enter_async_context(self.node.running())
        await self._stack.enter_async_context(self._copies.running(self.supervisor))
        self.node.admit()

    def freeze(self) -> None:
        """As SIGSTOP does."""
        self.frozen_since = now()
        self._thawed.clear()

    def thaw(self, knows: bool = True) -> None:
        """As SIGCONT does.

        Args:
            knows: whether its clock is right at once.
        """
        if self.frozen_since is not None and not knows:
            self._lost_seconds += now() - self.frozen_since
        self.frozen_since = None
        self._thawed.set()

    async def kill(self) -> None:
        """Without a word."""
        self.is_dead, self.is_listed = True, False
        await self.end()

    async def end(self) -> None:
        """Whatever it still does."""
        self.thaw()
        await self._stack.aclose()

    async def machines(self) -> list[Member]:
        """What the DNS answers it."""
        await self._ask_dns()
        return [Member(one.id) for one in self.world.machines.values() if one.is_listed]

    async def address(self, machine: str) -> str:
        """The host of a machine."""
        await self._ask_dns()
        if not self.world.machines[machine].is_listed:
            raise DirectoryError(f"no {machine}")
        return machine

    async def _ask_dns(self) -> None:
        was_frozen = self.frozen_since is not None
        await self._thawed.wait()
        if self.is_cut_off:
            await asyncio.sleep(_DNS_SECONDS)
        if self.is_cut_off or was_frozen:
            raise DirectoryError("the DNS does not answer")

    async def awake(self) -> None:
        """Until it runs."""
        await self._thawed.wait()

    @property
    def is_routable(self) -> bool:
        """Whether the proxy sends requests there."""
        frozen = self.frozen_since
        hangs = frozen is not None and (not self.is_listed or now() - frozen > _CHECK_SECONDS)
        return not self.is_dead and not hangs


class _Network(httpx.AsyncBaseTransport):
    """The private network, from one machine to all others."""

    def __init__(self, machine: Machine) -> None:
        self._from = machine

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer of the machine that is asked."""
        if self._from.frozen_since is not None or self._from.is_dead:
            await self._from.awake()
            raise httpx.ConnectError("the connection did not outlive it")
        await asyncio.sleep(_WAY_SECONDS)
        there = self._from.world.machines[request.url.host]
        if there.is_dead:
            raise httpx.ConnectError("refused") from ConnectionRefusedError()
        try:
            async with asyncio.timeout(_PEER_SECONDS):
                await there.awake()
        except TimeoutError:
            raise httpx.ReadTimeout("no answer") from None
        answer = await httpx.ASGITransport(there.inside).handle_async_request(request)
        await asyncio.sleep(_WAY_SECONDS)
        return answer


@dataclass
class Client:
    """Who asks through the proxy, at a pace.

    Attributes:
        kind: `sticky` keeps the cookie; `fickle` does not; `forcing` names each machine in turn.
        seen: the machines that served it.
    """

    address: str
    kind: str
    served: int = 0
    began: float = -1.0
    machine: str = ""
    seen: list[str] = field(default_factory=list)


@dataclass
class Cluster:
    """Some machines behind a proxy."""

    quota: Quota
    seed: int = 0
    machines: dict[str, Machine] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Chance is the seed's."""
        self.chance = random.Random(self.seed)

    @asynccontextmanager
    async def running(self, number: int) -> AsyncIterator[None]:
        """A number of machines that know each other."""
        try:
            for _ in range(number):
                await self.add()
            await self.knows(number)
            yield
        finally:
            for machine in self.machines.values():
                await machine.end()

    async def add(self) -> Machine:
        """One more, which the proxy serves."""
        machine = Machine(f"m{len(self.machines)}", self)
        self.machines[machine.id] = machine
        await machine.begin()
        return machine

    async def knows(self, number: int) -> None:
        """Wait until all know this number of members."""
        async with asyncio.timeout(60):
            while any(len(m.members.ring) != number for m in self.machines.values()):  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def ask(self, client: Client) -> int:
        """One request through the proxy, replayed twice at most."""
        fields = {b"fly-client-ip": client.address.encode()}
        wanted = client.machine if client.kind == "sticky" else ""
        if client.kind == "forcing":
            found = self._routable()
            wanted = found[self.chance.randrange(len(found))].id
            fields[b"fly-force-instance-id"] = wanted.encode()
        status, replay = await self._serve(client, wanted, fields)
        for _ in range(2):
            if not replay:
                break
            owner, _, rest = replay.partition(";")
            fields[b"fly-replay-src"] = f"instance=another;region=iad;t=1;{rest}".encode()
            status, replay = await self._serve(client, owner, fields)
        assert not replay, "a request must not go round"
        client.served += status == 200
        return status

    async def _serve(
        self, client: Client, wanted: str, fields: dict[bytes, bytes]
    ) -> tuple[int, str]:
        machine = self.machines.get(wanted)
        if machine is None or not machine.is_routable:
            if machine is not None:
                fields[b"fly-preferred-instance-unavailable"] = wanted.encode()
            machine = self.chance.choice(self._routable())
        await asyncio.sleep(_WAY_SECONDS)
        await machine.awake()
        if machine.is_dead:
            return 502, ""
        status, headers = await _answer(machine.app, client.address, fields)
        if b"set-cookie" in headers:
            client.machine = machine.id
        if status == 200:
            client.seen.append(machine.id)
        await asyncio.sleep(_WAY_SECONDS)
        return status, headers.get(b"fly-replay", b"").decode().partition("=")[2]

    def _routable(self) -> list[Machine]:
        return [machine for machine in self.machines.values() if machine.is_routable]

    async def insist(self, client: Client, end: asyncio.Event, pace: float) -> float:
        """Let it ask until the end; the bursts that it got beyond its quota."""
        asked: set[asyncio.Task[int]] = set()
        await asyncio.sleep(self.chance.random() / pace)
        client.began = now()
        while not end.is_set():
            asked.add(asyncio.ensure_future(self.ask(client)))
            await asyncio.sleep(self.chance.uniform(0.5, 1.5) / pace)
        await asyncio.gather(*asked)
        rate = self.quota.units / self.quota.period_ns * 1e9
        allowed = self.quota.burst + rate * (now() - client.began)
        return (client.served - allowed) / self.quota.burst


async def _served(_: Scope, __: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def _answer(
    app: App, address: str, fields: dict[bytes, bytes]
) -> tuple[int, dict[bytes, bytes]]:
    reported: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        reported.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "client": (address, 1),
        "headers": list(fields.items()),
        "extensions": {},
    }
    await app(scope, receive, send)
    return reported[0]["status"], dict(reported[0]["headers"])
