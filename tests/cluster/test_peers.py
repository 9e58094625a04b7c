"""What machines believe of each other, and what not."""

import json
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from flygate_limiter import Charge, MemoryStore, Quota
from flygate_limiter.fingerprint import keyed_fingerprint
from flygate_service.asgi.authenticator import Authenticator
from flygate_service.asgi.readiness import Readiness
from flygate_service.asgi.supervisor import Supervisor
from flygate_service.cluster.copies import Copies
from flygate_service.cluster.errors import PeerError, PeerGoneError
from flygate_service.cluster.handoff import Handoff
from flygate_service.cluster.keys import derived
from flygate_service.cluster.members import Members, Status
from flygate_service.cluster.metrics import ClusterMetrics
from flygate_service.cluster.node import Node
from flygate_service.cluster.peers import Peers
from flygate_service.cluster.ring import Member
from flygate_service.routes.cluster import ClusterRoutes
from flygate_wire.share_order import SignedShareOrders
from flygate_wire.signature import Signatures
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

KEY = "a key that only the tests have"
OTHER = Member("other", "iad")
CHARGE = b'[["policy","192.0.2.1",1,1000000000,1,%b,1]]'
ANSWER = {"admitted": True, "draining": False, "affinity": True, "store": "", "order": None}


@dataclass
class Addresses:
    """A name server with a single address."""

    address_of_all: str = "127.0.0.1"

    async def machines(self) -> list[Member]:
        """The other one."""
        return [OTHER]

    async def address(self, machine: str) -> str:
        """Of all."""
        return self.address_of_all


def asking(
    app: Starlette | None, port: int = 8080, clock: Callable[[], float] = time.time
) -> Peers:
    """A machine that asks another one; None for a real connection."""
    peers = Peers(Addresses(), port, Signatures(KEY, clock), SignedShareOrders(KEY, "demo"))
    if app is not None:
        peers._client = httpx.AsyncClient(transport=httpx.ASGITransport(app))
    return peers


def machine(key: str = KEY, clock: Callable[[], float] = time.time) -> Starlette:
    """The other one, which is admitted."""
    metrics = ClusterMetrics(CollectorRegistry())
    signatures, orders = Signatures(key, clock), SignedShareOrders(key, "demo")
    peers = Peers(Addresses(), 8080, signatures, orders)
    members = Members(OTHER, Addresses(), peers.status, status=Status(group="web"))
    store = MemoryStore(1_000, fingerprint=keyed_fingerprint(derived(key, "fingerprints")))
    node = Node(members, Handoff(store, dict, "", peers, metrics), Readiness(), Supervisor())
    node.is_admitted = True
    copies = Copies(store, list, peers, metrics)
    return Starlette(
        routes=ClusterRoutes(node, copies, signatures, orders, store).routes(
            Authenticator(signatures)
        )
    )


async def test_a_machine_with_the_key_is_believed() -> None:
    """What it says of itself, and what its buckets owe."""
    peers = asking(machine())

    assert await peers.status(OTHER) == Status(admitted=True, group="web")
    assert (await peers.pull(OTHER)).startswith(b"flyg")
    await peers.push(OTHER, await peers.pull(OTHER))
    await peers.copy(OTHER, await peers.pull(OTHER))


@pytest.mark.parametrize("seconds", [-55, 55])
async def test_clocks_may_differ(seconds: float) -> None:
    """By less than a minute: a machine that was just resumed lags."""
    there = machine(clock=lambda: time.time() + seconds)

    assert (await asking(there).status(OTHER)).admitted


@pytest.mark.parametrize("seconds", [-62, 62])
async def test_clocks_that_differ_too_much_are_noticed(seconds: float) -> None:
    """Neither believes the other: what was recorded a minute ago opens nothing."""
    there = machine(clock=lambda: time.time() + seconds)

    with pytest.raises(PeerError, match="401"):
        await asking(there).status(OTHER)


async def test_a_machine_with_another_key_is_not_believed() -> None:
    """It says nothing, and learns nothing."""
    with pytest.raises(PeerError, match="401"):
        await asking(machine(key="another key")).status(OTHER)


def stranger(answer: Response) -> Starlette:
    """A stranger at an address from a poisoned DNS."""

    async def say(_: object) -> Response:
        return answer

    path = "/_flygate/cluster"
    return Starlette(routes=[Route(path, say), Route(f"{path}/buckets", say)])


def signed(body: object, key: str = KEY, path: str = "/_flygate/cluster") -> Response:
    """An answer with a signature."""
    content = json.dumps(body).encode()
    signature = Signatures(key).sign("ANSWER", path, content)
    return Response(content, headers={"flygate-signature": signature})


@pytest.mark.parametrize(
    "answer",
    [
        JSONResponse(ANSWER),
        signed(ANSWER, key="another key"),
        signed(ANSWER, path="/_flygate/cluster/buckets"),
        Response(status_code=302, headers={"location": "http://127.0.0.2/"}),
    ],
)
async def test_a_stranger_is_not_believed(answer: Response) -> None:
    """A machine without the key owns no clients, though the DNS names it."""
    members = Members(Member("me"), Addresses(), asking(stranger(answer)).status)
    members.enter()

    assert await members.refresh()

    assert members.ring.members == (Member("me"),)


async def former(scope: Any, receive: Any, send: Any) -> None:
    """A machine of a former release: metrics for whatever is asked, at the port for them."""
    await Response("# HELP flygate_limiter_decisions_total\n")(scope, receive, send)


@pytest.mark.parametrize("listens", [True, False])
async def test_a_machine_of_a_former_release_is_asked_at_its_only_port(listens: bool) -> None:
    """Whatever the port says that it has not got; and where its successor listens after that."""
    ports: dict[int, Any] = {9091: former, 8080: machine()}
    if not listens:
        del ports[9091]
    peers = Peers(Addresses(), 9091, Signatures(KEY), SignedShareOrders(KEY, "demo"), 8080)
    peers._client = httpx.AsyncClient(transport=Ports(ports))

    assert (await peers.status(OTHER)).admitted
    await peers.push(OTHER, b"")
    ports.clear()
    ports[9091] = machine()
    assert (await peers.status(OTHER)).admitted
    await peers.push(OTHER, b"")


class Ports(httpx.AsyncBaseTransport):
    """A machine with applications at some ports, and none at the others."""

    def __init__(self, ports: dict[int, Any]) -> None:
        """They may change."""
        self._ports = ports

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Hand on."""
        app = self._ports.get(request.url.port or 80)
        if app is None:
            raise httpx.ConnectError("refused") from ConnectionRefusedError()
        return await httpx.ASGITransport(app).handle_async_request(request)


@pytest.mark.parametrize("body", [b"[]", b"{}", b"[" * 5_000, b"[[1,2]]", b"no", CHARGE % b"0"])
async def test_charges_that_are_none_are_refused(body: bytes) -> None:
    """They cause no traceback and no debt."""
    with pytest.raises(PeerError, match="400"):
        await asking(machine())._send(OTHER, "POST", "/_flygate/cluster/take", body)


async def test_a_client_is_charged_where_it_belongs() -> None:
    """All or nothing, as at home; and the answer is believed if it is signed."""
    quota = Quota.parse("1/h burst 2")
    charges = [Charge(("a", "192.0.2.1"), quota), Charge(("b", "192.0.2.1"), quota)]
    peers = asking(machine())

    answers = [await peers.take(OTHER, charges) for _ in range(3)]

    assert [[one.allowed for one in answer] for answer in answers] == [[True] * 2] * 2 + [
        [False] * 2
    ]
    assert answers[2][0].retry_after_seconds > 3_000


@pytest.mark.parametrize("answer", [{}, [], {"admitted": True}, "admitted"])
async def test_what_is_not_understood_is_an_error_of_the_peer(answer: object) -> None:
    """Not of the machine that asked."""
    with pytest.raises(PeerError, match="not understood"):
        await asking(stranger(signed(answer))).status(OTHER)


async def test_a_closed_port_differs_from_a_machine_that_can_not_be_reached() -> None:
    """The first is gone, and the proxy can't reach it either; of the second it is not known."""
    with socket.create_server(("127.0.0.1", 0)) as closing:
        port = closing.getsockname()[1]

    with pytest.raises(PeerGoneError):
        await asking(None, port).status(OTHER)
